#pragma once

#include <string>

#include "autograd/base/options.hpp"

namespace tapehead {

/// Shares that are dropped in training in places of their own, in people's words; `same`: as everywhere.
struct DropChoices {
  std::string attention = "same";     ///< of attention weights
  std::string feed_forward = "same";  ///< of what is inside feed-forward layers

  static Fields<DropChoices> fields();
};

/// The rate of a place where others have this one.
double drop_rate(const std::string& chosen, double everywhere);

}  // namespace tapehead
