#pragma once

#include <string>

#include "layers/linear.hpp"
#include "layers/recurrent/cell.hpp"
#include "layers/scope.hpp"

namespace tapehead {

/// A sequence read through a cell in one direction: x (C, T, B) → the state behind each position (S·H, T, B), h on top.
/// Parameters of each gate of the cell, `<gate>.weight` (C, H), `<gate>.bias` (H), `recurrent.<gate>.weight` (H, H),
/// and `recurrent.<gate>.bias` (H) of the one that has it.
struct RecurrentLayer {
  struct Options {
    std::string cell = "gru";  ///< see cell_specs()
    std::int64_t channels = 0;
    std::int64_t width = 0;  ///< H
    bool backwards = false;  ///< from the last position to the first
  };
  /// Throws ConfigError for a cell that does not exist and for sizes below one.
  RecurrentLayer(const Scope& scope, const Options& options);

  /// `lengths` as in CellOptions; `first` (S·H, 1, B), the state before the first position, may be left out.
  template <Scalar T>
  Var<T> operator()(Var<T> x, const std::int32_t* lengths, Var<T> first = {}) const;

  /// The h (H, T, B) of states.
  template <Scalar T>
  Var<T> hidden(Var<T> states) const;

  std::int64_t state_size() const { return spec->states * options.width; }

  Options options;
  const CellSpec* spec;
  JoinedLinear from_input, recurrent;
  Parameter recurrent_bias;
};

}  // namespace tapehead
