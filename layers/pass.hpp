#pragma once

#include <cstdint>

#include "autograd/base/random.hpp"
#include "autograd/base/tokens.hpp"
#include "layers/probe.hpp"

namespace tapehead {

class ReadPositions;

/// What changes from one call of a model to the next.
struct Pass {
  bool training = false;   ///< dropout only when training
  std::uint64_t seed = 0;  ///< with step, the key of dropout's random numbers
  std::uint64_t step = 0;
  bool every_layer = false;        ///< none is left out (see LayerDrop), so that the pass is the largest there can be
  std::int64_t first_example = 0;  ///< number of slice 0 in its batch: a shard drops what the whole batch would
  const Probe* probe = nullptr;    ///< sees values on their way and may replace them; nullptr costs nothing
  /// What a decoding state has read before and remembers (see key_value_cache.hpp): the tokens of this pass stand
  /// behind it.
  ReadPositions* cache = nullptr;
  /// Where the tokens of this pass stand, (T, B), if not one behind the other: see drawn_positions.hpp.
  TokenView places = {};

  RandomStream dropout_stream(std::uint32_t site) const { return {seed, Purpose::dropout, step, site}; }

  /// What goes on in place of x: see probed().
  template <Scalar T>
  Var<T> shown(const Site& at, Var<T> x) const {
    return probe == nullptr ? x : probed(probe, at, x);
  }
};

}  // namespace tapehead
