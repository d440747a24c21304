#pragma once

#include <span>
#include <string>
#include <vector>

#include "experiments/settings.hpp"

namespace tapehead {

/// An option and the values that it takes in turn.
struct Variation {
  const OptionSpec* option = nullptr;
  std::vector<std::string> values;  ///< canonical
};

/// Reads `name=a,b,c`. Throws ConfigError, before any run, for an unknown option, one that cannot be varied (paths, the
/// seed, how a run is carried out), a value that the option refuses, and a value that stands there twice.
Variation parse_variation(const std::string& text);

/// One value of each variation.
struct Cell {
  std::vector<std::string> values;  ///< in the order of the variations
  Settings settings;

  /// "heads=2 scale=none", for people; with another separator for a folder's name.
  std::string name(std::span<const Variation> variations, char separator = ' ') const;
};

/// Every combination of values on top of `base`, the last variation changing fastest. Throws ConfigError when an option
/// is varied twice or the task has no use for it.
std::vector<Cell> expand_grid(const Settings& base, std::span<const Variation> variations);

}  // namespace tapehead
