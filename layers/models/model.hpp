#pragma once

#include <memory>

#include "autograd/base/tokens.hpp"
#include "autograd/ops/cross_entropy.hpp"
#include "autograd/parameters.hpp"
#include "autograd/tape.hpp"
#include "layers/models/config.hpp"
#include "layers/pass.hpp"

namespace tapehead {

/// A whole model of either kind: made from a ModelConfig, it declares its parameters and turns tokens into logits. It
/// holds no numbers: those live in a ParameterStore of any scalar, so one model is trained in float and checked in double.
class Model {
 public:
  /// Throws ConfigError for a configuration that makes no model.
  explicit Model(const ModelConfig& config);
  ~Model();
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;

  const ModelConfig& config() const { return config_; }
  const ParameterLayout& layout() const { return *layout_; }
  /// Whether sources go through an encoder of their own; if not, source and target are one sequence.
  bool has_encoder() const { return config_.model == "transformer"; }

  /// source (S, B) → memory (C, S, B); Var{} for a decoder-only model.
  template <Scalar T>
  Var<T> encode(Tape<T>& tape, TokenView source, const Pass& pass) const;

  /// input (T, B) → features (C, T, B); memory and source are ignored by a decoder-only model.
  template <Scalar T>
  Var<T> decode(Tape<T>& tape, Var<T> memory, TokenView source, TokenView input, const Pass& pass) const;

  /// features (C, T, B) → logits (V, T, B).
  template <Scalar T>
  Var<T> project(Var<T> features) const;

  /// The loss of project(features), without the logits of positions that do not count: see linear_cross_entropy().
  template <Scalar T>
  Var<T> loss(Var<T> features, TokenView expected, const CrossEntropyOptions& options) const;

  /// All three: logits (V, T, B) of the token after each input position.
  template <Scalar T>
  Var<T> logits(Tape<T>& tape, TokenView source, TokenView input, const Pass& pass) const {
    return project(decode(tape, encode(tape, source, pass), source, input, pass));
  }

 private:
  struct Kinds;  // one of the two

  ModelConfig config_;
  std::unique_ptr<ParameterLayout> layout_;  // stores refer to it: it stays where it is when the model moves
  std::unique_ptr<Kinds> kinds_;
};

}  // namespace tapehead
