#pragma once

#include <cstdint>
#include <vector>

#include "autograd/ops/add.hpp"
#include "autograd/ops/multiply.hpp"
#include "autograd/ops/sum.hpp"
#include "tests/support/composed_attention.hpp"

namespace tapehead::testing_support {

/// Σ upstream ∘ y: the scalar whose gradient the vectors hold.
inline Var<double> weighted_sum(Var<double> y, const std::vector<double>& upstream) {
  return sum(multiply(y, y.tape().constant(y.shape(), upstream.data())));
}

/// The same for the weights of every head; upstream is (K, Q, H, B).
inline Var<double> weighted_sum(const std::vector<Var<double>>& weights, const std::vector<double>& upstream) {
  const Shape shape = weights.front().shape();
  const std::int64_t matrix = shape.rows * shape.columns;
  const auto heads = static_cast<std::int64_t>(weights.size());
  Var<double> total;
  for (std::int64_t head = 0; head < heads; ++head) {
    std::vector<double> of_head;
    for (std::int64_t b = 0; b < shape.slices; ++b) {
      const auto first = upstream.begin() + matrix * (head + heads * b);
      of_head.insert(of_head.end(), first, first + matrix);
    }
    const Var<double> part = weighted_sum(weights[static_cast<std::size_t>(head)], of_head);
    total = total ? add(total, part) : part;
  }
  return total;
}

}  // namespace tapehead::testing_support
