#pragma once

#include <array>

#include "autograd/ops/detail/attention_plan.hpp"

namespace tapehead {

/// Attention in tiles of queries and keys. A running maximum and a running sum make each tile's exponentials add up to
/// the exact softmax (Milakov & Gimelshein 2018, "Online normalizer calculation for softmax"); no more than a tile of
/// weights exists at a time, and the pullback computes it again from the two numbers that were kept of each query (Rabe
/// & Staats 2021; Dao et al. 2022, "FlashAttention"). Memory is linear in the length. Tiles that the mask rules out are
/// skipped. The tape's workers, if it has any, share the tiles; every sum has one order, whoever makes it: query heads
/// that share keys add to the gradients of these one after another. The weights (K, Q, H, B), where they are wanted,
/// are made again as the pullback makes them: no bit of the context depends on it.
template <Scalar T>
Var<T> tiled_attention(const AttentionPlan& plan, const std::array<RowBlock<T>, 3>& inputs, const ScoreTerms<T>& terms,
                       T* weights = nullptr);

}  // namespace tapehead
