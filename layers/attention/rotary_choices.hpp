#pragma once

#include <cstdint>
#include <string>

#include "autograd/base/options.hpp"

namespace tapehead {

/// How queries and keys of a self-attention are turned by their positions, in people's words; see rotary().
struct RotaryChoices {
  std::int64_t positions = 0;     ///< that there are; 0: they are not turned
  double base = 10000;            ///< the slowest pair of channels turns about once in 2π · base positions
  double share = 1;               ///< of a head's channels that is turned
  std::string layout = "halves";  ///< halves | pairs: which two channels turn together

  static Fields<RotaryChoices> fields();
};

/// Channels that are turned of heads of a width: an even number. Throws ConfigError where there is no pair.
std::int64_t turned_channels(const RotaryChoices& choices, std::int64_t width);

}  // namespace tapehead
