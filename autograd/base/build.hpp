#pragma once

#include <string>

namespace tapehead {

/// What was built, and how: programs that differ in any of these may differ in the last bits of their results.
struct BuildInfo {
  std::string version;   ///< of tapehead, such as "0.1.0"
  std::string compiler;  ///< such as "g++ 12.2.0"
  std::string vectors;   ///< the widest vector instructions that it may use: "avx512", "avx2", "sse2" or "scalar"
};

const BuildInfo& build_info();

/// In one line: "tapehead 0.1.0, g++ 12.2.0, avx512".
std::string to_string(const BuildInfo& build);

}  // namespace tapehead
