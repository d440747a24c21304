#include "autograd/kernels/blas.hpp"

#include <dlfcn.h>
#include <strings.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "autograd/base/lines.hpp"

namespace tapehead {
namespace {

constexpr const char* kCoreType = "OPENBLAS_CORETYPE";
constexpr const char* kStartedOver = "TAPEHEAD_BLAS_REEXEC";

// Looked up while running, so that the program links with any CBLAS.
template <class Function>
Function* find_function(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// Kernels by the width of what they multiply with; those of one rank are not told apart. From dynamic.c and the
// kernel/x86_64/KERNEL.* files of OpenBLAS.
int rank_of(std::string_view kernel) {
  static constexpr std::array<std::pair<std::string_view, int>, 25> kRanks{{
      {"Katmai", 1},       {"Coppermine", 1},  {"Northwood", 1}, {"Banias", 1},     {"Athlon", 1},
      {"Opteron", 1},      {"Prescott", 1},    {"Core2", 1},     {"Atom", 1},       {"Nano", 1},
      {"Opteron_SSE3", 1}, {"Bobcat", 1},      {"Barcelona", 1}, {"Penryn", 1},     {"Dunnington", 1},
      {"Nehalem", 2},      {"Sandybridge", 3}, {"Bulldozer", 4}, {"Piledriver", 4}, {"Steamroller", 4},
      {"Excavator", 4},    {"Haswell", 4},     {"Zen", 4},       {"SkylakeX", 5},   {"Cooperlake", 5},
  }};
  for (const auto& [name, rank] : kRanks) {
    if (equal_ignoring_case(name, kernel)) return rank;
  }
  return 0;
}

std::string file_of(const void* function) {
  Dl_info found{};
  if (!function || dladdr(function, &found) == 0 || !found.dli_fname) return "unknown";
  const std::string_view path = found.dli_fname;
  return std::string(path.substr(path.rfind('/') + 1));
}

std::string library_name() {
  // `OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH …`: the first two words are the name.
  if (auto* config = find_function<char*()>("openblas_get_config")) {
    const std::string text = config();
    return text.substr(0, text.find(' ', text.find(' ') + 1));
  }
  return file_of(dlsym(RTLD_DEFAULT, "cblas_dgemm"));
}

std::string threading_name() {
  auto* parallel = find_function<int()>("openblas_get_parallel");
  if (!parallel) return "unknown";
  switch (parallel()) {
    case 0:
      return "serial";
    case 1:
      return "pthread";
    case 2:
      return "openmp";
    default:
      return "unknown";
  }
}

std::string processor_name() {
#if defined(__x86_64__)
  std::array<unsigned, 12> words{};
  unsigned* w = words.data();
  for (unsigned leaf = 0x80000002; leaf <= 0x80000004; ++leaf, w += 4) {
    if (!__get_cpuid(leaf, w, w + 1, w + 2, w + 3)) return "unknown";
  }
  std::array<char, sizeof(words) + 1> text{};
  std::memcpy(text.data(), words.data(), sizeof(words));
  std::string name = text.data();
#else
  std::string name;
  try {
    InputFile file("/proc/cpuinfo");
    LineReader lines(file, {.content = LineContent::raw});
    for (std::string_view line; name.empty() && lines.next(line);) {
      if (line.starts_with("model name")) name = line.substr(line.find(':') + 1);
    }
  } catch (const DataError&) {  // it stays unknown
  }
#endif
  const auto first = name.find_first_not_of(' ');
  if (first == std::string::npos) return "unknown";
  return name.substr(first, name.find_last_not_of(' ') - first + 1);
}

std::optional<std::string> advice(std::string_view when) {
  const BlasInfo info = blas_info();
  const std::string forced = environment(kCoreType);
  const bool as_asked = info.user_forced && equal_ignoring_case(forced, info.kernel);
  if (!info.below_best || as_asked) return std::nullopt;
  const std::string state = info.library + " uses its " + info.kernel + " kernel on " + info.processor +
                            ", which can run the faster " + info.best_kernel;
  if (equal_ignoring_case(forced, info.best_kernel)) {
    return state + "; " + kCoreType + "=" + forced + " had no effect: install another OpenBLAS";
  }
  return state + ": set " + kCoreType + "=" + info.best_kernel + " " + std::string(when);
}

}  // namespace

CpuFeatures cpu_features() {
  CpuFeatures features;
#if defined(__x86_64__)
  // The compiler's run-time library asks the processor, and XGETBV for what the operating system saves.
  __builtin_cpu_init();
  unsigned highest = 0;
  std::array<unsigned, 3> vendor{};
  __get_cpuid(0, &highest, &vendor[0], &vendor[2], &vendor[1]);
  const std::string_view name(reinterpret_cast<const char*>(vendor.data()), sizeof(vendor));
  if (name == "GenuineIntel") features.vendor = CpuFeatures::Vendor::intel;
  if (name == "AuthenticAMD" || name == "HygonGenuine") features.vendor = CpuFeatures::Vendor::amd;
  features.sse42 = __builtin_cpu_supports("sse4.2");
  features.avx = __builtin_cpu_supports("avx");
  features.avx2_fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  features.avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
                    __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512vl");
#endif
  return features;
}

std::string best_openblas_kernel(const CpuFeatures& features) {
  using enum CpuFeatures::Vendor;
  // Other makers' wide vectors may be slower than their narrow ones: OpenBLAS knows better.
  if (features.vendor == other) return "";
  // Never Cooperlake or later: they add bfloat16 alone, and OpenBLAS 0.3.21 does not take them from the environment.
  if (features.avx512 && features.avx2_fma) return "SkylakeX";
  if (features.avx2_fma) return features.vendor == amd ? "Zen" : "Haswell";
  // AMD's processors without AVX2 were all known by name before OpenBLAS 0.3.
  if (features.vendor == amd) return "";
  if (features.avx) return "Sandybridge";
  return features.sse42 ? "Nehalem" : "";
}

bool is_kernel_below(std::string_view kernel, std::string_view best) {
  const int rank = rank_of(kernel);
  return rank > 0 && rank < rank_of(best);
}

BlasInfo blas_info() {
  BlasInfo info;
  info.library = library_name();
  info.threading = threading_name();
  info.processor = processor_name();
  auto* kernel = find_function<char*()>("openblas_get_corename");
  info.kernel = kernel ? kernel() : "unknown";
  info.best_kernel = best_openblas_kernel(cpu_features());
  info.below_best = is_kernel_below(info.kernel, info.best_kernel);
  info.user_forced = !environment(kCoreType).empty() && environment(kStartedOver).empty();
  return info;
}

std::optional<std::string> blas_kernel_advice() {
  return advice("before the program starts, or call tapehead::ensure_best_blas_kernel(argv) first thing in main");
}

void ensure_best_blas_kernel(char** argv) {
  const BlasInfo info = blas_info();
  if (info.below_best && environment(kCoreType).empty() && environment(kStartedOver).empty()) {
    setenv(kCoreType, info.best_kernel.c_str(), 1);
    setenv(kStartedOver, "1", 1);
    execv("/proc/self/exe", argv);
    const int reason = errno;
    unsetenv(kCoreType);
    unsetenv(kStartedOver);
    std::fprintf(stderr, "warning: cannot start over with a faster BLAS kernel: %s\n", std::strerror(reason));
  }
  if (const auto text = advice("before the program starts")) std::fprintf(stderr, "warning: %s\n", text->c_str());
}

void use_single_threaded_blas() {
  using SetThreads = void(int);
  static SetThreads* set_openblas_threads = find_function<SetThreads>("openblas_set_num_threads");
  static SetThreads* set_openmp_threads = find_function<SetThreads>("omp_set_num_threads");
  if (set_openmp_threads) set_openmp_threads(1);
  if (set_openblas_threads) set_openblas_threads(1);
}

}  // namespace tapehead
