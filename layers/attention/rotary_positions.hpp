#pragma once

#include <memory>

#include "autograd/ops/rotary.hpp"
#include "layers/attention/rotary_choices.hpp"
#include "layers/pass.hpp"

namespace tapehead {

/// Turns queries and keys by their positions, as people chose it; nothing if they did not. One table for all passes.
class RotaryPositions {
 public:
  /// Throws ConfigError for heads of less than two channels to turn.
  RotaryPositions(const RotaryChoices& choices, std::int64_t key_width);

  /// Rows [0, heads · key_width) of joined (R, T, B), which stand at pass.places, or behind what pass.cache has read.
  template <Scalar T>
  Var<T> operator()(Var<T> joined, std::int64_t heads, const Pass& pass) const;

 private:
  std::int64_t width_;
  bool pairs_;
  std::shared_ptr<const RotaryTable> table_;
};

}  // namespace tapehead
