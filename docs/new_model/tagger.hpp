#pragma once

#include "autograd/ops/affine.hpp"
#include "autograd/ops/cross_entropy.hpp"
#include "autograd/ops/embedding.hpp"
#include "autograd/ops/tanh.hpp"
#include "layers/dropout.hpp"
#include "trainers/trainer.hpp"

// A model of your own: layers that declare what they hold in a ParameterLayout, and a loss. This one says what stands
// in the place of each source token, from that token alone.
struct Tagger {
  explicit Tagger(const tapehead::Scope& scope, std::int64_t channels, std::int64_t words)
      : table(scope.declare({scope.table("table", channels, words, true)})),
        weight(scope.declare({scope.weight("weight", channels, words)})),
        bias(scope.declare({scope.vector("bias", words, 0)})),
        dropout(scope, 0.1) {}

  template <tapehead::Scalar T>
  tapehead::Var<T> loss(tapehead::Tape<T>& tape, const tapehead::BatchView& batch, const tapehead::Pass& pass) const {
    const auto x = dropout(tanh(embedding(tape.leaf(table), batch.source())), pass);
    return cross_entropy(affine(x, tape.leaf(weight), tape.leaf(bias)), batch.expected(),
                         {.denominator = static_cast<double>(batch.counted_tokens())});
  }

  tapehead::Parameter table, weight, bias;
  tapehead::Dropout dropout;
};
