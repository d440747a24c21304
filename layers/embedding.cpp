#include "layers/embedding.hpp"

#include <cmath>

#include "autograd/ops/embedding.hpp"
#include "autograd/ops/scale.hpp"
#include "layers/spec.hpp"

namespace tapehead {
namespace {

double factor_of(const Scope& scope, const Embedding::Options& options) {
  const bool by_law = options.scale == EmbeddingScale::by_law && scope.law() != WeightLaw::normal;
  const bool scaled = by_law || options.scale == EmbeddingScale::sqrt_channels;
  return scaled ? std::sqrt(static_cast<double>(options.channels)) : 1;
}

}  // namespace

Embedding::Embedding(const Scope& scope, const Options& options, const Parameter& shared)
    : path(scope.path()),
      weight(scope.declare_or_share(scope.table("weight", options.channels, options.vocabulary, true), shared)),
      factor(factor_of(scope, options)),
      positions(scope / "positions", options.positions, options.channels, options.max_positions),
      norm(options.norm ? std::optional<Norm>(Norm(scope / "norm", *options.norm)) : std::nullopt),
      dropout(scope, options.dropout) {}

template <Scalar T>
Var<T> Embedding::operator()(Tape<T>& tape, TokenView ids, const Pass& pass) const {
  const Var<T> looked_up = embedding(tape.leaf(weight), ids);
  const Var<T> placed = positions(factor == 1 ? looked_up : scale(looked_up, factor), pass);
  return pass.shown({path, AttentionRole::none, What::embedded, 1}, dropout(norm ? (*norm)(placed) : placed, pass));
}

template Var<float> Embedding::operator()(Tape<float>&, TokenView, const Pass&) const;
template Var<double> Embedding::operator()(Tape<double>&, TokenView, const Pass&) const;
template Var<std::complex<double>> Embedding::operator()(Tape<std::complex<double>>&, TokenView, const Pass&) const;

LayerSpec layer_spec_embedding() {
  // Two examples of three positions, a repeated id, and padding.
  static constexpr std::int32_t kIds[] = {4, 5, 5, 6, 4, kPadding};
  static constexpr std::int32_t kLengths[] = {3, 2};
  const auto with = [](const std::string& label, Embedding::Options options) {
    options.channels = 6;
    options.vocabulary = 7;
    options.max_positions = 5;
    options.dropout = 0.3;
    return layer_case(
        "embedding/" + label, {}, [options](const Scope& scope) { return Embedding(scope, options); },
        [](const Embedding& layer, auto& tape, auto) {
          return layer(tape, TokenView{kIds, kLengths, 3, 3, 2}, Pass{.training = true, .seed = 5});
        });
  };
  return {
      "embedding",
      {with("sinusoidal", {}), with("learned", {.positions = PositionKind::learned}),
       with("normalised",
            {.positions = PositionKind::learned, .scale = EmbeddingScale::none, .norm = NormOptions{.channels = 6}})}};
}

}  // namespace tapehead
