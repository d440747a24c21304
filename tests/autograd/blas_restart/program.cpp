// A program as a user of the library writes one: it corrects the kernel first thing, then says what it found.
#include <cstdio>

#include "autograd/kernels/blas.hpp"

int main(int argc, char** argv) {
  std::puts("started");
  std::fflush(stdout);  // before the program may be replaced
  tapehead::ensure_best_blas_kernel(argv);
  const tapehead::BlasInfo info = tapehead::blas_info();
  std::printf("kernel %s\n", info.kernel.c_str());
  std::printf("user_forced %d\n", info.user_forced);
  for (int i = 1; i < argc; ++i) std::printf("argument %s\n", argv[i]);
}
