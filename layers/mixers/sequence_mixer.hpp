#pragma once

#include <optional>
#include <string>

#include "autograd/masks/mask.hpp"
#include "layers/attention/rotary_positions.hpp"
#include "layers/linear.hpp"
#include "layers/mixers/mixer.hpp"
#include "layers/pass.hpp"

namespace tapehead {

/// What stands in the place of self-attention where a mixer was chosen: queries, keys, values and gates are projected,
/// as far as the mixer reads them, it gives each head a context, and the contexts are projected back.
/// x (C, T, B) → (C, T, B).
///
/// Under a causal mask a position hears of those before it. Else it hears of all: a mixer that reads in one direction
/// reads the sequence from either end, with the same parameters, and the two contexts add up. What stands past an
/// example's length is not read. While a model writes, all that was read is remembered in a state of fixed size.
///
/// A probe that wants to see weights sees what the context of each query takes of each value, which need not be
/// positive nor sum to one.
///
/// Parameters `query.*`, `key.*` (C → H·D), `value.*` (C → H·Dv), `gate.*` of a mixer that has some, `output.*` (H·Dv →
/// C); none of a mixer that reads the stream.
struct SequenceMixer {
  struct Options {
    std::string mixer = "linear";  ///< see mixer_specs()
    std::int64_t channels = 0;
    HeadSizes sizes = {};
    bool projection_bias = true;  ///< of all but the gates, which always have one
    RotaryChoices rotary = {};
    double output_factor = 1;  ///< what is drawn for the output is multiplied by it
  };
  /// Throws ConfigError for sizes below one, a mixer that does not exist, and rotary positions for one that they make
  /// no sense for. For a mixer that reads the stream sizes do not matter.
  SequenceMixer(const Scope& scope, const Options& options);

  /// Throws ConfigError for a mask that is more than causal or lengths, and for a causal one if the mixer is not.
  template <Scalar T>
  Var<T> operator()(Var<T> x, const Mask& mask, const Pass& pass) const;

  std::string path;
  Options options;
  const MixerSpec* spec;
  std::optional<JoinedLinear> from_input;
  std::optional<Linear> gate;
  RotaryPositions rotary;
  std::optional<Linear> output;
  std::uint32_t site;

 private:
  // Projections of x for the mixer.
  template <Scalar T>
  MixerInput<T> projected(Var<T> x, const Pass& pass) const;
  // The contexts of what `in` holds, read as the role asks for.
  template <Scalar T>
  Var<T> mixed(MixerInput<T> in, bool causal) const;
  template <Scalar T>
  Var<T> mixed_by_weights(const MixerInput<T>& in, AttentionRole role, const Pass& pass) const;
  const std::int32_t* lengths_under(const Mask& mask, const Shape& x, std::int32_t* memory,
                                    std::span<Mask::Row> rows) const;
};

}  // namespace tapehead
