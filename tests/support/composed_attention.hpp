#pragma once

#include <cstdint>
#include <vector>

#include "autograd/ops/add.hpp"
#include "autograd/ops/attention.hpp"
#include "autograd/ops/concatenate.hpp"
#include "autograd/ops/matmul.hpp"
#include "autograd/ops/scale.hpp"
#include "autograd/ops/slice.hpp"
#include "autograd/ops/softmax.hpp"

namespace tapehead::testing_support {

template <Scalar T>
struct ComposedAttention {
  Var<T> context;               ///< (H·Dv, Q, B)
  std::vector<Var<T>> weights;  ///< of each head, (K, Q, B): here a gradient may flow through them
};

/// What attention() computes, from simple ops: slices, products, softmax, concatenation. A forbidden score has 1e300
/// taken from it, so a query that may attend nothing is not expressed. query, key (H·D, …), value (H·Dv, K, B).
template <Scalar T>
ComposedAttention<T> compose_attention(Var<T> query, Var<T> key, Var<T> value, std::int64_t heads, double factor,
                                       const Mask& mask) {
  const Shape shape{key.shape().columns, query.shape().columns, query.shape().slices};
  std::vector<T> forbidden;
  for (std::int64_t b = 0; b < shape.slices; ++b) {
    for (std::int64_t q = 0; q < shape.columns; ++q) {
      for (std::int64_t k = 0; k < shape.rows; ++k) {
        forbidden.push_back(mask.allows({.example = b, .keys = shape.rows}, q, k) ? T(0) : T(-1e300));
      }
    }
  }
  const Var<T> penalty = query.tape().constant(shape, forbidden.data());
  const auto head_of = [&](Var<T> x, std::int64_t head) {
    const std::int64_t width = x.shape().rows / heads;
    return slice(x, Axis::rows, head * width, width);
  };

  ComposedAttention<T> out;
  std::vector<Var<T>> contexts;
  for (std::int64_t head = 0; head < heads; ++head) {
    const Var<T> scores = matmul(head_of(key, head), head_of(query, head), Transpose::yes);
    out.weights.push_back(softmax(add(scale(scores, factor), penalty)));
    contexts.push_back(matmul(head_of(value, head), out.weights.back()));
  }
  out.context = concatenate<T>(contexts, Axis::rows);
  return out;
}

}  // namespace tapehead::testing_support
