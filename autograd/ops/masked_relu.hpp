#pragma once

#include <cstdint>

#include "autograd/masks/mask.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// max(x, 0)ᵖ / n of each element whose query may attend it, zero elsewhere, n being the number of keys that this query
/// may attend, and p 1 (Wortsman et al. 2023, "Replacing softmax with ReLU in Vision Transformers") or 2 (So et al.
/// 2021, "Primer"; for weights Hua et al. 2022, "Transformer Quality in Linear Time", §3.1). x (K, Q, H·B) → (K, Q,
/// H·B); slice h + H·b is head h of example b. Throws as masked_softmax() does. Throws ConfigError for another power.
template <Scalar T>
Var<T> masked_relu(Var<T> x, const Mask& mask, std::int64_t heads = 1, int power = 1);

}  // namespace tapehead
