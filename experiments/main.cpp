#include <unistd.h>

#include <csignal>
#include <iostream>
#include <string_view>

#include "autograd/kernels/blas.hpp"
#include "experiments/bench/allocation_counter.hpp"
#include "experiments/program/program.hpp"
#include "experiments/program/startup.hpp"
#include "experiments/report/terminal.hpp"

int main(int argc, char** argv) {
  std::signal(SIGXFSZ,
              SIG_IGN);  // past a limit on the size of files a write fails, as on a full disk, and the run says so
  tapehead::ensure_best_blas_kernel(argv);
  tapehead::restore_environment();
  if (argc > 1 && std::string_view(argv[1]) == "bench") tapehead::start_over_counting_allocations(argv);
  tapehead::use_single_threaded_blas();
  std::ios::sync_with_stdio(false);
  tapehead::StandardInput in;
  tapehead::Console console{in,
                            std::cout,
                            std::cerr,
                            isatty(STDOUT_FILENO) == 1,
                            isatty(STDERR_FILENO) == 1,
                            tapehead::terminal_width(STDOUT_FILENO)};
  return tapehead::run_program({argv + 1, argv + argc}, console);
}
