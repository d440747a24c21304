#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "autograd/base/tokens.hpp"
#include "layers/dropout.hpp"
#include "layers/pass.hpp"
#include "layers/recurrent/recurrent_layer.hpp"

namespace tapehead {

/// What an encoder hands to a decoder, as long as the tape's values live.
template <Scalar T>
struct Encoded {
  Var<T> columns;                ///< (C, S, B), what it says of each position
  std::span<const Var<T>> last;  ///< (S·C, 1, B) of each layer, the state behind all that was read
};

/// Recurrent layers one above another, each of which reads the sequence from either end with half of the channels
/// (Schuster & Paliwal 1997), or all of them from the front: x (C, S, B) → Encoded, of C channels. Dropout falls on
/// what each layer says. Parameters `layers.0.forward.*`, `layers.0.backward.*`, …
struct RecurrentEncoder {
  struct Options {
    std::string cell = "gru";
    std::int64_t channels = 0;
    std::int64_t layers = 1;
    bool bidirectional = true;
    double dropout = 0;
  };
  /// Throws ConfigError as RecurrentLayer does, and for channels that two directions cannot share.
  RecurrentEncoder(const Scope& scope, const Options& options);

  /// Reads as many positions of each slice as `lengths` says, nullptr: all; see CellOptions.
  template <Scalar T>
  Encoded<T> operator()(Var<T> x, const std::int32_t* lengths, const Pass& pass) const;

  struct Level {
    std::string path;
    RecurrentLayer forward;
    std::optional<RecurrentLayer> backward;
    Dropout dropout;
  };
  std::vector<Level> levels;
};

}  // namespace tapehead
