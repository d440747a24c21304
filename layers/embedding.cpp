#include "layers/embedding.hpp"

#include <cmath>

#include "autograd/ops/embedding.hpp"
#include "autograd/ops/scale.hpp"
#include "layers/spec.hpp"

namespace tapehead {

Embedding::Embedding(const Scope& scope, const Options& options, const Parameter& shared)
    : path(scope.path()),
      weight(scope.declare_or_share(scope.table("weight", options.channels, options.vocabulary, true), shared)),
      factor(scope.law() == WeightLaw::normal ? 1 : std::sqrt(static_cast<double>(options.channels))),
      positions(scope / "positions", options.positions, options.channels, options.max_positions),
      dropout(scope, options.dropout) {}

template <Scalar T>
Var<T> Embedding::operator()(Tape<T>& tape, TokenView ids, const Pass& pass) const {
  const Var<T> looked_up = embedding(tape.leaf(weight), ids);
  const Var<T> placed = positions(factor == 1 ? looked_up : scale(looked_up, factor), pass);
  return pass.shown({path, AttentionRole::none, What::embedded, 1}, dropout(placed, pass));
}

template Var<float> Embedding::operator()(Tape<float>&, TokenView, const Pass&) const;
template Var<double> Embedding::operator()(Tape<double>&, TokenView, const Pass&) const;
template Var<std::complex<double>> Embedding::operator()(Tape<std::complex<double>>&, TokenView, const Pass&) const;

LayerSpec layer_spec_embedding() {
  // Two examples of three positions, a repeated id, and padding.
  static constexpr std::int32_t kIds[] = {4, 5, 5, 6, 4, kPadding};
  static constexpr std::int32_t kLengths[] = {3, 2};
  const auto with = [](const std::string& label, PositionKind kind) {
    return layer_case(
        "embedding/" + label, {},
        [kind](const Scope& scope) {
          return Embedding(scope,
                           {.channels = 6, .vocabulary = 7, .positions = kind, .max_positions = 5, .dropout = 0.3});
        },
        [](const Embedding& layer, auto& tape, auto) {
          return layer(tape, TokenView{kIds, kLengths, 3, 3, 2}, Pass{.training = true, .seed = 5});
        });
  };
  return {"embedding", {with("sinusoidal", PositionKind::sinusoidal), with("learned", PositionKind::learned)}};
}

}  // namespace tapehead
