#pragma once

#include <cstdint>
#include <string>

namespace tapehead {

/// What another program says of its own step.
struct PeerResult {
  double step_ms_median = 0;
  std::int64_t peak_rss_bytes = 0;  ///< 0: it does not say
};

/// Runs a shell command, waits for it, and reads the last line of its output that is a JSON object: `step_ms_median`,
/// and `peak_rss_bytes` if it is there. Throws ConfigError when the command fails or prints no such line.
PeerResult run_peer(const std::string& command);

}  // namespace tapehead
