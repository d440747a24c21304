#include "layers/embedding.hpp"

#include <cmath>

#include "autograd/ops/embedding.hpp"
#include "autograd/ops/scale.hpp"

namespace tapehead {

Embedding::Embedding(const Scope& scope, const Options& options)
    : weight(scope.declare({scope.table("weight", options.channels, options.vocabulary, true)})),
      factor(scope.law() == WeightLaw::xavier ? std::sqrt(static_cast<double>(options.channels)) : 1),
      positions(scope / "positions", options.positions, options.channels, options.max_positions),
      dropout(scope, options.dropout) {}

template <Scalar T>
Var<T> Embedding::operator()(Tape<T>& tape, TokenView ids, const Pass& pass) const {
  const Var<T> looked_up = embedding(tape.leaf(weight), ids);
  return dropout(positions(factor == 1 ? looked_up : scale(looked_up, factor)), pass);
}

template Var<float> Embedding::operator()(Tape<float>&, TokenView, const Pass&) const;
template Var<double> Embedding::operator()(Tape<double>&, TokenView, const Pass&) const;
template Var<std::complex<double>> Embedding::operator()(Tape<std::complex<double>>&, TokenView, const Pass&) const;

}  // namespace tapehead
