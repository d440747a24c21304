#pragma once

#include <memory>
#include <vector>

#include "autograd/base/batch_view.hpp"
#include "autograd/tape.hpp"
#include "layers/embedding.hpp"
#include "layers/linear.hpp"
#include "layers/models/config.hpp"
#include "layers/models/decoding_state.hpp"
#include "layers/models/spec.hpp"
#include "layers/pass.hpp"
#include "layers/scope.hpp"
#include "layers/stacks.hpp"

namespace tapehead {

/// A model of any family, as Model sees it. A family writes a struct with these as templates of the scalar, and
/// FamilyOf makes one of this of it: one virtual call a pass.
class Family {
 public:
  virtual ~Family() = default;

  /// What is said at each position of `expected`, before it is projected on the vocabulary: (C, T, B).
  virtual Var<float> features(Tape<float>& tape, const BatchView& batch, const Pass& pass) const = 0;
  virtual Var<double> features(Tape<double>& tape, const BatchView& batch, const Pass& pass) const = 0;
  virtual Var<std::complex<double>> features(Tape<std::complex<double>>& tape, const BatchView& batch,
                                             const Pass& pass) const = 0;

  /// features (C, T, B) → logits (V, T, B).
  virtual const Linear& output() const = 0;

  /// Begins to write: see DecodingState.
  virtual std::unique_ptr<DecodingState<float>> begin(Tape<float>& tape, const Sources& sources) const = 0;
  virtual std::unique_ptr<DecodingState<double>> begin(Tape<double>& tape, const Sources& sources) const = 0;
};

/// `Net{scope, config}` as a Family. It has `features(tape, batch, pass)`, `begin(tape, sources)` and a Linear
/// `output`.
template <class Net>
class FamilyOf final : public Family {
 public:
  FamilyOf(const Scope& scope, const ModelConfig& config) : net_(scope, config) {}

  Var<float> features(Tape<float>& tape, const BatchView& batch, const Pass& pass) const override {
    return net_.features(tape, batch, pass);
  }
  Var<double> features(Tape<double>& tape, const BatchView& batch, const Pass& pass) const override {
    return net_.features(tape, batch, pass);
  }
  Var<std::complex<double>> features(Tape<std::complex<double>>& tape, const BatchView& batch,
                                     const Pass& pass) const override {
    return net_.features(tape, batch, pass);
  }
  const Linear& output() const override { return net_.output; }
  std::unique_ptr<DecodingState<float>> begin(Tape<float>& tape, const Sources& sources) const override {
    return net_.begin(tape, sources);
  }
  std::unique_ptr<DecodingState<double>> begin(Tape<double>& tape, const Sources& sources) const override {
    return net_.begin(tape, sources);
  }

 private:
  Net net_;
};

template <class Net>
std::unique_ptr<const Family> make_family(const Scope& scope, const ModelConfig& config) {
  return std::make_unique<FamilyOf<Net>>(scope, config);
}

/// What a configuration says of the parts that a family is made of.
WeightDraw weight_draw(const ModelConfig& config);
StackOptions stack_options(const ModelConfig& config);
Embedding::Options embedding_options(const ModelConfig& config, std::int64_t vocabulary);
Linear::Options output_options(const ModelConfig& config);

/// Configurations of one family in which layers are put together in other ways, for its cases; `base` says the rest.
std::vector<ModelSpec::Case> block_cases(const ModelConfig& base);

}  // namespace tapehead
