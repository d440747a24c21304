#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "experiments/options/settings.hpp"

namespace tapehead {

/// An option and the values that it takes in turn.
struct Variation {
  const OptionSpec* option = nullptr;
  std::vector<std::string> values;  ///< canonical
};

/// Reads `name=a,b,c`. Throws ConfigError, before any run, for an unknown option, one that cannot be varied (paths, the
/// seed, how a run is carried out), a value that the option refuses, and a value that stands there twice.
Variation parse_variation(const std::string& text);

/// One value of each variation. Settings are made when they are needed: a grid may have very many cells.
struct Cell {
  std::vector<std::string> values;  ///< in the order of the variations

  /// "heads=2 scale=none", for people; with another separator for a folder's name.
  std::string name(std::span<const Variation> variations, char separator = ' ') const;

  /// `base` with these values.
  Settings settings(const Settings& base, std::span<const Variation> variations) const;
};

/// Cells that expand_grid would make, or `most` if there are more.
std::int64_t grid_size(std::span<const Variation> variations, std::int64_t most);

/// Every combination of values, the last variation changing fastest. Throws ConfigError when an option is varied twice.
std::vector<Cell> expand_grid(std::span<const Variation> variations);

}  // namespace tapehead
