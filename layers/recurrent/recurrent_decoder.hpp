#pragma once

#include <optional>
#include <string>
#include <vector>

#include "layers/attention/multi_head_attention.hpp"
#include "layers/recurrent/recurrent_encoder.hpp"

namespace tapehead {

/// Recurrent layers one above another, read from the front: x (C, T, B) → (C, T, B). Each layer begins with the state
/// that the encoder's layer of the same number ended with. Dropout falls on what each layer says.
///
/// With attention, what is said at a position is h̃_t = tanh(attention(h_t) + Wᵀ h_t), where h_t is what the last layer
/// says there and the attention is over the encoder's columns: with the attention's output matrix this is W_c [c_t;
/// h_t] of Luong, Pham & Manning 2015, eq. 5. If it feeds (ibid., §3.3), the first layer reads h̃_{t−1} below x_t, zeros
/// at first, so that positions are read one after another, which takes several times as long.
///
/// Parameters `layers.0.*` …, `cross_attention.*`, `combination.weight` (C, C).
struct RecurrentDecoder {
  struct Options {
    std::string cell = "gru";
    std::int64_t channels = 0;
    std::int64_t layers = 1;
    double dropout = 0;
    std::optional<MultiHeadAttention::Options> attention = {};  ///< over a memory
    bool feeds = false;                                         ///< needs attention
  };
  /// Throws ConfigError as its parts do, and for feeding without attention.
  RecurrentDecoder(const Scope& scope, const Options& options);

  /// Reads as many positions of each slice as `lengths` says, nullptr: all; see CellOptions. `encoded` may be empty
  /// where there is no attention, and where a pass of a decoding state has read before; its columns are attended under
  /// `mask`.
  template <Scalar T>
  Var<T> operator()(Var<T> x, const std::int32_t* lengths, const Encoded<T>& encoded, const Mask& mask,
                    const Pass& pass) const;

  struct Level {
    std::string path;
    RecurrentLayer layer;
    Dropout dropout;
    std::uint32_t site;  // of the state that a decoding state remembers
  };
  std::int64_t channels;
  std::vector<Level> levels;
  std::optional<MultiHeadAttention> cross_attention;
  std::optional<Linear> combination;
  bool feeds;
  std::uint32_t site;  // of the h̃ that it remembers

 private:
  template <Scalar T>
  Var<T> combined(Var<T> h, Var<T> projected, const Mask& mask, const Pass& pass) const;
  template <Scalar T>
  Var<T> read_at_once(Var<T> x, const std::int32_t* lengths, Var<T>* states, Var<T> projected, const Mask& mask,
                      const Pass& pass) const;
  template <Scalar T>
  Var<T> read_step_by_step(Var<T> x, const std::int32_t* lengths, Var<T>* states, Var<T> projected, const Mask& mask,
                           const Pass& pass) const;
};

}  // namespace tapehead
