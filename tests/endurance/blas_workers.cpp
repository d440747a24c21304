// blas_workers THREADS: products by OpenBLAS itself, large enough to be shared out, in every worker of a pool, until it
// is killed. The library's own kernels leave few products to OpenBLAS on some processors; here they are all OpenBLAS's.
#include <cblas.h>

#include <cstdlib>
#include <vector>

#include "autograd/parallel.hpp"

int main(int count, char** words) {
  tapehead::WorkerPool workers(count > 1 ? std::atoi(words[1]) : 1);
  workers.run([](int) {
    constexpr int size = 512;
    const std::vector<float> a(size * size, 1), b(size * size, 1);
    std::vector<float> c(size * size);
    for (;;) {
      cblas_sgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, size, size, size, 1, a.data(), size, b.data(), size, 0,
                  c.data(), size);
    }
  });
}
