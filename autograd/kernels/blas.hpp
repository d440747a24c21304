#pragma once

#include <optional>
#include <string>
#include <string_view>

/// \file
/// Which BLAS multiplies, and whether it multiplies as fast as this processor can.
///
/// OpenBLAS carries one set of kernels per processor family and chooses as it is loaded. A version older than the
/// processor may not know it and fall back to `Prescott` (SSE3): right results, about five times slower. The choice can
/// only be corrected from outside, by OPENBLAS_CORETYPE in the environment before the library is loaded.

namespace tapehead {

/// What the choice of a kernel depends on. A vector extension counts only if the operating system saves its registers.
struct CpuFeatures {
  enum class Vendor { intel, amd, other };
  Vendor vendor = Vendor::other;
  bool sse42 = false;
  bool avx = false;
  bool avx2_fma = false;
  bool avx512 = false;  ///< F, CD, BW, DQ and VL together, which the kernels for Skylake-X need
};

/// The features of the processor this runs on; all false on other architectures than x86-64.
CpuFeatures cpu_features();

/// The fastest OpenBLAS kernel, by the name that OPENBLAS_CORETYPE takes, for such a processor. Empty: no opinion.
std::string best_openblas_kernel(const CpuFeatures& features);

/// Whether `kernel` uses narrower vectors than `best` does. False if either is unknown: what is newer than this table
/// is taken to be good.
bool is_kernel_below(std::string_view kernel, std::string_view best);

/// What is known about the BLAS of this process.
struct BlasInfo {
  std::string library;       ///< such as `OpenBLAS 0.3.21`, or the library's file name if it is not OpenBLAS
  std::string kernel;        ///< the kernel in use, such as `SkylakeX`; `unknown` if it is not OpenBLAS
  std::string processor;     ///< the processor as it calls itself
  std::string threading;     ///< `serial`, `pthread`, `openmp` or `unknown`
  std::string best_kernel;   ///< best_openblas_kernel of this processor
  bool below_best = false;   ///< the kernel in use is slower than best_kernel
  bool user_forced = false;  ///< OPENBLAS_CORETYPE was set by the user
};

BlasInfo blas_info();

/// Nothing if the BLAS kernel is as good as the processor or is the one that the user asked for; else one line that
/// says what is in use, what the processor can do, and what to do about it. Libraries built on tapehead may show it.
std::optional<std::string> blas_kernel_advice();

/// For programs, the first thing in main: if the kernel is below what the processor can do, starts the program over,
/// once, with OPENBLAS_CORETYPE set. A setting of the user's own stays. Where nothing can be done, says so on stderr
/// and returns.
void ensure_best_blas_kernel(char** argv);

/// For every thread that calls BLAS, the first thing it does: its products run on itself alone. (In the OpenMP build of
/// OpenBLAS the setting belongs to the thread that makes it.)
void use_single_threaded_blas();

}  // namespace tapehead
