#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "autograd/masks/mask.hpp"
#include "autograd/tape.hpp"
#include "layers/attention/attention_stages.hpp"
#include "layers/attention/head_choices.hpp"
#include "layers/attention/rotary_choices.hpp"
#include "layers/attention/rotary_positions.hpp"
#include "layers/attention/stage_choices.hpp"
#include "layers/attention/value_residual.hpp"
#include "layers/linear.hpp"
#include "layers/pass.hpp"

namespace tapehead {

/// Multi-head attention (Vaswani et al. 2017, §3.2.2): queries, keys and values are projected, each head attends, and
/// the heads' contexts are projected back. Self-attention makes all three in one product. What happens between the
/// projections: attention_stages.hpp. With fewer heads of keys and values than of queries, G of them, neighbouring
/// heads share one (grouped-query attention, Ainslie et al. 2023; multi-query, Shazeer 2019).
///
/// Parameters `query.*` (C → H·D), `key.*` (C → G·D), `value.*` (C → G·Dv), `output.*` (H·Dv → C), those of its stages,
/// `score.*` and so on, a learned `scale` (H), and `value_residual.*`.
struct MultiHeadAttention {
  struct Options {
    std::int64_t channels = 0;
    std::int64_t memory_channels = 0;  ///< of what keys and values come from; 0: self-attention
    bool values_apart = false;         ///< of cross-attention: values come from a memory of their own
    std::int64_t heads = 1;
    std::int64_t key_width = 0;    ///< D, of queries and keys of one head; 0: channels / heads
    std::int64_t value_width = 0;  ///< Dv; 0: as key_width
    HeadChoices head = {};
    double scale = 0;            ///< 0: 1/√D of what scores
    bool learned_scale = false;  ///< each head has a scale of its own, which begins there
    StageChoices stages = {};
    RotaryChoices rotary = {};                            ///< of self-attention
    Mask visible = {};                                    ///< what self-attention sees of what it may attend
    ValueResidual value_residual = ValueResidual::none;   ///< of self-attention
    double dropout = 0;                                   ///< of the weights
    double output_factor = 1;                             ///< what is drawn for the output is multiplied by it
    double query_factor = 1;                              ///< likewise, for the queries
    AttentionKernel kernel = AttentionKernel::automatic;  ///< a probe that wants scores or weights makes it composed
  };
  /// Throws ConfigError for sizes below one, when heads do not divide channels and no width is given, for heads that
  /// cannot share keys evenly, for stages that do not exist or that the kernel cannot take, and for rotary positions of
  /// less than two channels.
  MultiHeadAttention(const Scope& scope, const Options& options);

  /// Self-attention: x (C, T, B) → (C, T, B). `first_values`, of a stack with a value residual: empty, it becomes the
  /// values (G·Dv, T, B); else these are mixed with it.
  template <Scalar T>
  Var<T> operator()(Var<T> x, const Mask& mask, const Pass& pass, Var<T>* first_values = nullptr) const;

  /// Cross-attention: x (C, Q, B), memory (M, K, B) → (C, Q, B).
  template <Scalar T>
  Var<T> operator()(Var<T> x, Var<T> memory, const Mask& mask, const Pass& pass) const;

  /// The same in two parts, for who attends to one memory several times: its keys above its values, which a decoding
  /// state remembers, so that it needs the memory but once; then x and these. `of_values` (M, K, B): what values come
  /// from where that is apart.
  template <Scalar T>
  Var<T> project(Tape<T>& tape, Var<T> memory, const Pass& pass, Var<T> of_values = {}) const;
  template <Scalar T>
  Var<T> of_projected(Var<T> x, Var<T> keys_and_values, const Mask& mask, const Pass& pass) const;

  std::string path;
  Options options;  ///< with every width filled in
  JoinedLinear from_queries;
  std::optional<JoinedLinear> from_memory;
  std::optional<JoinedLinear> from_values;  ///< of a memory of their own
  Linear output;
  std::uint32_t site;

 private:
  // Queries, keys and values of self-attention, one below another; the values mixed with the first ones.
  template <Scalar T>
  Var<T> projected(Var<T> x, const Pass& pass, Var<T>* first_values) const;
  template <Scalar T>
  Var<T> attended(StageOperands<T> in, AttentionRole role, const Mask& mask, const Pass& pass) const;

  AttentionStages stages_;
  std::array<std::vector<Parameter>, kStageKinds> of_stages_;  // parameters, by kind
  Parameter scale_;                                            // if it is learned
  std::optional<Linear> of_keys_;                              // see KeyPart
  RotaryPositions rotary_;
  ValueMix values_;
};

/// The stages of such an attention, and what computes them. Throws ConfigError as its constructor does, with `path` for
/// its name.
AttentionStages stages_of(const MultiHeadAttention::Options& options, const std::string& path = "attention");

}  // namespace tapehead
