#pragma once

#include <cstdint>

#include "autograd/masks/mask.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// Softmax over the keys that a query may attend and one more score of no key, its sink: y_k = exp(x_k) / (exp(s) +
/// Σ exp(x)), zero elsewhere. A head may so attend nothing. The sink s is one number a head, given as sink (H), or zero
/// if that is empty (Miller 2023, "Attention Is Off By One"; learned: OpenAI 2025, gpt-oss). x (K, Q, H·B) →
/// (K, Q, H·B); slice h + H·b is head h of example b. Throws as masked_softmax() does, and ShapeError for a sink of
/// another size.
template <Scalar T>
Var<T> sink_softmax(Var<T> x, Var<T> sink, const Mask& mask, std::int64_t heads = 1);

}  // namespace tapehead
