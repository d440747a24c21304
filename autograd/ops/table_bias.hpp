#pragma once

#include <cstdint>

#include "autograd/tape.hpp"

namespace tapehead {

/// score + a number of a table for each key and query: y(k, q, s) = x(k, q, s) + table(k, p, s mod S). x (K, Q, H·B),
/// slice h + H·b being head h of example b; table (K', P, S): S is H, one table for each head, or 1, or H·B. Query q
/// stands at position p = q. With `first` (one number an example) it stands at q + first[b], and what is beyond the
/// table is as its edge: a cache has room for keys that are not there yet. Throws ShapeError for a table that is too
/// small, ConfigError for heads < 1.
template <Scalar T>
Var<T> table_bias(Var<T> x, Var<T> table, std::int64_t heads, const std::int32_t* first = nullptr);

}  // namespace tapehead
