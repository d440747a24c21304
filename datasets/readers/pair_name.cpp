#include "datasets/readers/pair_name.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

namespace fs = std::filesystem;

PairName split_at(const std::string& name, std::size_t comma) {
  return {.source = name.substr(0, comma), .target = name.substr(comma + 1), .two_files = true};
}

// For files that are not there. A name in a folder that is there is one file. Two absolute paths, as a configuration
// that was written holds them, are joined where the second begins.
std::size_t likely_comma(const std::string& name, const std::string& folder) {
  const std::string parent = fs::path(name).parent_path().string();
  std::error_code error;
  if (parent.find(',') != std::string::npos && fs::is_directory(fs::path(folder) / parent, error)) {
    return std::string::npos;
  }
  if (const std::size_t before_root = name.find(",/"); before_root != std::string::npos) return before_root;
  return name.starts_with('/') ? std::string::npos : name.find(',');
}

}  // namespace

PairName parse_pair_name(const std::string& name, const std::string& folder) {
  const auto exists = [&](const std::string& path) {
    std::error_code error;
    return !path.empty() && fs::exists(fs::path(folder) / path, error);
  };
  std::optional<PairName> two;
  const bool one = exists(name);
  for (std::size_t comma = name.find(','); comma != std::string::npos; comma = name.find(',', comma + 1)) {
    const PairName split = split_at(name, comma);
    if (!exists(split.source) || !exists(split.target)) continue;
    if (one) return {.source = name, .also_two_files = true};
    if (two) {
      throw ConfigError(fmt::format("{}: may be {} and {}, or {} and {}; rename one of them, or name it by a link",
                                    name, two->source, two->target, split.source, split.target));
    }
    two = split;
  }
  if (two) return *two;
  const std::size_t comma = one ? std::string::npos : likely_comma(name, folder);
  return comma == std::string::npos ? PairName{.source = name} : split_at(name, comma);
}

}  // namespace tapehead
