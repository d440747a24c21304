#pragma once

#include <array>

#include "autograd/ops/detail/attention_plan.hpp"

namespace tapehead {

/// Attention that keeps the weights of every head, (K, Q, H, B), and takes queries in blocks where they see different
/// keys, so that what the mask rules out is mostly not computed.
template <Scalar T>
Attended<T> whole_attention(const AttentionPlan& plan, const std::array<RowBlock<T>, 3>& inputs);

}  // namespace tapehead
