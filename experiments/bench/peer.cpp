#include "experiments/bench/peer.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cstdio>
#include <memory>
#include <sstream>

#include "autograd/base/errors.hpp"
#include "experiments/report/json.hpp"

namespace tapehead {
namespace {

std::string output_of(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw ConfigError(fmt::format("--against: \"{}\" cannot be started", command));
  std::string output;
  std::array<char, 4096> buffer;
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe))
    output.append(buffer.data(), count);
  const int status = pclose(pipe);
  if (status != 0) {
    const std::string end =
        WIFEXITED(status) ? fmt::format("status {}", WEXITSTATUS(status)) : fmt::format("signal {}", WTERMSIG(status));
    throw ConfigError(fmt::format("--against: \"{}\" ended with {}", command, end));
  }
  return output;
}

}  // namespace

PeerResult run_peer(const std::string& command) {
  std::istringstream lines(output_of(command));
  Json last;
  for (std::string line; std::getline(lines, line);) {
    Json object = Json::parse(line, nullptr, false);
    if (object.is_object()) last = std::move(object);
  }
  if (!last.is_object() || !last.contains("step_ms_median") || !last["step_ms_median"].is_number()) {
    throw ConfigError(
        fmt::format("--against: \"{}\" prints no JSON object with step_ms_median; give it --json", command));
  }
  PeerResult result{.step_ms_median = last["step_ms_median"]};
  if (last.contains("peak_rss_bytes") && last["peak_rss_bytes"].is_number())
    result.peak_rss_bytes = last["peak_rss_bytes"];
  if (!(result.step_ms_median > 0)) {
    throw ConfigError(fmt::format("--against: \"{}\" says its step takes {} ms", command, result.step_ms_median));
  }
  return result;
}

}  // namespace tapehead
