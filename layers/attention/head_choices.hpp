#pragma once

#include <cstdint>
#include <string>

#include "autograd/base/options.hpp"

namespace tapehead {

/// How an attention's projections make heads, in people's words.
struct HeadChoices {
  std::int64_t key_heads = 0;           ///< heads of keys and values; 0: as many as of queries
  std::string projection_bias = "yes";  ///< yes | no: whether the projections have biases
  /// channels | reshape. Head h is channels hD …; or, as programs that forget a transposition have it, the numbers
  /// (C, T) of a sequence are read as (D, T, H), so that a head is a stretch of positions.
  std::string split = "channels";

  // Out of line: g++ 12 takes what a braced list would destroy, if it threw halfway, for uninitialised.
  ~HeadChoices();

  static Fields<HeadChoices> fields();
};

/// Throws ConfigError unless as many of `heads` share each head of keys.
void require_shared_evenly(const HeadChoices& choices, std::int64_t heads);

}  // namespace tapehead
