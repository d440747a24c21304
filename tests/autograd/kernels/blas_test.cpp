#include "autograd/kernels/blas.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

namespace tapehead {
namespace {

using enum CpuFeatures::Vendor;

constexpr CpuFeatures kSapphireRapids{.vendor = intel, .sse42 = true, .avx = true, .avx2_fma = true, .avx512 = true};
constexpr CpuFeatures kAlderLake{.vendor = intel, .sse42 = true, .avx = true, .avx2_fma = true};
constexpr CpuFeatures kIvyBridge{.vendor = intel, .sse42 = true, .avx = true};
constexpr CpuFeatures kWestmere{.vendor = intel, .sse42 = true};
constexpr CpuFeatures kZen4{.vendor = amd, .sse42 = true, .avx = true, .avx2_fma = true, .avx512 = true};
constexpr CpuFeatures kZen2{.vendor = amd, .sse42 = true, .avx = true, .avx2_fma = true};
constexpr CpuFeatures kPiledriver{.vendor = amd, .sse42 = true, .avx = true};

// What the Linux kernel says of the first processor.
std::string cpuinfo(const std::string& field) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(field)) return line.substr(line.find(':') + 2);
  }
  return "";
}

TEST(BestKernel, IsTheWidestThatTheProcessorRuns) {
  EXPECT_EQ(best_openblas_kernel(kSapphireRapids), "SkylakeX");
  EXPECT_EQ(best_openblas_kernel(kZen4), "SkylakeX");
  EXPECT_EQ(best_openblas_kernel(kAlderLake), "Haswell");
  EXPECT_EQ(best_openblas_kernel(kZen2), "Zen");
  EXPECT_EQ(best_openblas_kernel(kIvyBridge), "Sandybridge");
  EXPECT_EQ(best_openblas_kernel(kWestmere), "Nehalem");
}

TEST(BestKernel, IsLeftToOpenBlasOnOtherProcessors) {
  CpuFeatures zhaoxin = kAlderLake;
  zhaoxin.vendor = other;
  EXPECT_EQ(best_openblas_kernel(zhaoxin), "");
  EXPECT_EQ(best_openblas_kernel(kPiledriver), "");
  EXPECT_EQ(best_openblas_kernel(CpuFeatures{}), "");
}

TEST(KernelRank, NarrowerVectorsAreBelow) {
  for (const char* low : {"Prescott", "Nehalem", "Sandybridge", "Haswell", "Zen"}) {
    EXPECT_TRUE(is_kernel_below(low, "SkylakeX")) << low;
    EXPECT_FALSE(is_kernel_below("SkylakeX", low)) << low;
  }
  EXPECT_TRUE(is_kernel_below("Prescott", "Nehalem"));
  EXPECT_TRUE(is_kernel_below("PRESCOTT", "Haswell")) << "a build for one processor writes its name in capitals";
}

TEST(KernelRank, EqualsAreNotBelow) {
  EXPECT_FALSE(is_kernel_below("Zen", "Haswell"));
  EXPECT_FALSE(is_kernel_below("Haswell", "Zen"));
  EXPECT_FALSE(is_kernel_below("Excavator", "Zen"));
  EXPECT_FALSE(is_kernel_below("Cooperlake", "SkylakeX"));
  EXPECT_FALSE(is_kernel_below("SkylakeX", "SkylakeX"));
}

TEST(KernelRank, WhatIsUnknownIsNeverBelow) {
  EXPECT_FALSE(is_kernel_below("SapphireRapids", "SkylakeX"));
  EXPECT_FALSE(is_kernel_below("unknown", "SkylakeX"));
  EXPECT_FALSE(is_kernel_below("Prescott", ""));
}

TEST(CpuFeatures, AgreeWithTheOperatingSystem) {
  std::istringstream words(cpuinfo("flags"));
  const std::set<std::string> flags{std::istream_iterator<std::string>(words), {}};
  if (flags.empty()) GTEST_SKIP() << "no flags in /proc/cpuinfo";
  const CpuFeatures features = cpu_features();
  EXPECT_EQ(features.sse42, flags.contains("sse4_2"));
  EXPECT_EQ(features.avx, flags.contains("avx"));
  EXPECT_EQ(features.avx2_fma, flags.contains("avx2") && flags.contains("fma"));
  EXPECT_EQ(features.avx512, flags.contains("avx512f") && flags.contains("avx512cd") && flags.contains("avx512bw") &&
                                 flags.contains("avx512dq") && flags.contains("avx512vl"));
  EXPECT_EQ(features.vendor == intel, cpuinfo("vendor_id") == "GenuineIntel");
  EXPECT_EQ(features.vendor == amd, cpuinfo("vendor_id") == "AuthenticAMD" || cpuinfo("vendor_id") == "HygonGenuine");
}

TEST(BlasInfo, NamesLibraryKernelAndProcessor) {
  const BlasInfo info = blas_info();
  EXPECT_NE(info.library, "");
  EXPECT_NE(info.kernel, "");
  EXPECT_EQ(info.processor, cpuinfo("model name"));
  if (dlsym(RTLD_DEFAULT, "openblas_get_config")) {
    EXPECT_TRUE(info.library.starts_with("OpenBLAS ")) << info.library;
    EXPECT_EQ(info.library.find(' ', 9), std::string::npos) << info.library;
    EXPECT_NE(info.threading, "unknown");
    EXPECT_NE(info.kernel, "unknown");
  }
}

TEST(SingleThreadedBlas, HoldsInTheThreadThatAsksForIt) {
  const auto set = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
  const auto get = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "openblas_get_num_threads"));
  if (!set || !get) GTEST_SKIP() << "not OpenBLAS";
  if (blas_info().threading == "serial") GTEST_SKIP() << "OpenBLAS was built without threads";
  int threads = 0;
  std::thread([&] {
    set(2);
    ASSERT_EQ(get(), 2);
    use_single_threaded_blas();
    threads = get();
  }).join();
  EXPECT_EQ(threads, 1);
}

}  // namespace
}  // namespace tapehead
