#pragma once

#include <memory>

#include "autograd/base/batch_view.hpp"
#include "autograd/forward.hpp"
#include "autograd/parameters.hpp"
#include "layers/models/config.hpp"
#include "layers/models/decoding_state.hpp"
#include "layers/models/spec.hpp"

namespace tapehead {

struct CrossEntropyOptions;
struct Pass;

/// A whole model of any family: made from a ModelConfig, it declares its parameters and turns a batch into logits. It
/// holds no numbers: those live in a ParameterStore of any scalar, so one model is trained in float and checked in
/// double.
class Model {
 public:
  /// Throws ConfigError for a configuration that makes no model.
  explicit Model(const ModelConfig& config) : Model(config, model_spec(config.model)) {}
  /// Of a family that need not be in the list, and outlives the model.
  Model(const ModelConfig& config, const ModelSpec& spec);
  ~Model();
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;

  const ModelConfig& config() const { return config_; }
  const ModelSpec& spec() const { return *spec_; }
  const ParameterLayout& layout() const { return *layout_; }
  /// Whether sources are columns of their own; if not, source and target are one sequence.
  bool reads_source() const { return spec_->reads_source(); }

  /// What is said at each position of `expected`, before it is projected on the vocabulary: (C, T, B).
  template <Scalar T>
  Var<T> features(Tape<T>& tape, const BatchView& batch, const Pass& pass) const;

  /// features (C, T, B) → logits (V, T, B).
  template <Scalar T>
  Var<T> project(Var<T> features) const;

  template <Scalar T>
  Var<T> logits(Tape<T>& tape, const BatchView& batch, const Pass& pass) const {
    return project(features(tape, batch, pass));
  }

  /// The loss of project(features), without the logits of positions that do not count: see linear_cross_entropy().
  template <Scalar T>
  Var<T> loss(Var<T> features, const TokenView& expected, const CrossEntropyOptions& options) const;

  /// Cross-entropy of a batch, or of a slice of one: its part of the mean over the whole batch's counted tokens.
  template <Scalar T>
  Var<T> loss(Tape<T>& tape, const BatchView& batch, const Pass& pass, double label_smoothing) const;

  /// Begins to answer sources, on a tape that is left as it was. Model and tape outlive the state.
  template <RealScalar T>
  std::unique_ptr<DecodingState<T>> begin(Tape<T>& tape, const Sources& sources) const;

 private:
  ModelConfig config_;
  const ModelSpec* spec_;
  std::unique_ptr<ParameterLayout> layout_;  // stores refer to it: it stays where it is when the model moves
  std::unique_ptr<const Family> family_;
};

}  // namespace tapehead
