#include "autograd/base/build.hpp"

namespace tapehead {
namespace {

constexpr const char* kCompiler =
#if defined(__clang__)
    "clang++ " __clang_version__;
#else
    "g++ " __VERSION__;
#endif

constexpr const char* kVectors =
#if defined(__AVX512F__)
    "avx512";
#elif defined(__AVX2__)
    "avx2";
#elif defined(__SSE2__)
        "sse2";
#else
        "scalar";
#endif

}  // namespace

const BuildInfo& build_info() {
  static const BuildInfo kBuild{TAPEHEAD_VERSION, kCompiler, kVectors};
  return kBuild;
}

std::string to_string(const BuildInfo& build) {
  return "tapehead " + build.version + ", " + build.compiler + ", " + build.vectors;
}

}  // namespace tapehead
