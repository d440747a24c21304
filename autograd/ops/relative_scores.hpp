#pragma once

#include <cstdint>

#include "autograd/tape.hpp"

namespace tapehead {

/// q · a[clip(k − p, −c, c)] of each query, at position p, and each of `keys` keys (Shaw, Uszkoreit & Vaswani 2018,
/// "Self-Attention with Relative Position Representations", eq. 4: what the vectors a add to its product with a key).
/// query (D, Q, H·B), table (D, 2c + 1), shared by the heads → (K, Q, H·B). Query q of example b stands at position q,
/// or q + first[b]. Throws ShapeError where the table does not fit, ConfigError for heads that do not divide the
/// slices.
template <Scalar T>
Var<T> relative_scores(Var<T> query, Var<T> table, std::int64_t keys, std::int64_t heads = 1,
                       const std::int32_t* first = nullptr);

}  // namespace tapehead
