#pragma once

#include <vector>

#include "autograd/base/tokens.hpp"
#include "autograd/tape.hpp"
#include "layers/models/model.hpp"
#include "trainers/metrics/token_counts.hpp"

namespace tapehead {

/// What a pass over a batch says of its examples.
struct Judged {
  TokenCounts sum;
  std::vector<TokenCounts> examples;  ///< each by itself, without losses
};

/// Judges what is said at the places of a batch that count, some at a time: all its logits would be more than training
/// keeps. features (C, T, B).
template <RealScalar T>
Judged judge(const Model& model, Var<T> features, const TokenView& expected);

}  // namespace tapehead
