#pragma once

#include "autograd/base/tokens.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

struct CrossEntropyOptions {
  /// ε: the share of the target distribution that is spread evenly over the vocabulary (Szegedy et al. 2016, §7).
  double label_smoothing = 0;
  /// What the sum is divided by; 0: the counted targets of this call. A shard gives its batch's count, so that the
  /// shards' losses add up to the mean over the whole batch.
  double denominator = 0;
};

/// Cross-entropy of the softmax of every column of logits, in nats, averaged over the targets that count:
///
///     loss = Σ_n [ logΣexp(z_n) − (1 − ε) z_n[target] − ε · mean(z_n) ] / denominator
///
/// logits (V, T, B), expected (T, B) → (1, 1, 1). Targets equal to kPadding are ignored, in value and gradient; with no
/// target left the loss is 0. `expected` must outlive backward(). Keeps one (V, T, B) matrix beside
/// the logits; without a gradient, one column. Throws ShapeError if V == 0 or expected does not match logits, DataError
/// for a target outside [0, V), ConfigError for ε outside [0, 1] or a denominator that is negative or not finite.
template <Scalar T>
Var<T> cross_entropy(Var<T> logits, TokenView expected, const CrossEntropyOptions& options = {});

}  // namespace tapehead
