#pragma once

#include <span>
#include <string>
#include <string_view>

#include "experiments/options/settings.hpp"

namespace tapehead {

/// A configuration that comes with the program: a file of experiments/presets.
struct Preset {
  std::string_view name;
  std::string_view text;

  /// Its first line, a comment, without the `#`.
  std::string_view description() const;
};

/// Every preset, by name. Generated from the files.
std::span<const Preset> presets();

/// The preset of that name. Throws ConfigError that suggests the nearest.
const Preset& find_preset(std::string_view name);

}  // namespace tapehead
