#pragma once

#include <algorithm>
#include <cstdint>

#include "autograd/masks/mask.hpp"
#include "autograd/ops/detail/columns.hpp"
#include "autograd/scalar.hpp"

namespace tapehead {

/// Calls f(values, count) with the values of the keys that a query may attend side by side, and puts what f leaves of
/// them back in their places; the others become zero. `column` begins at key keys.begin; `row` is what mask.rows() says
/// of the query. `covered`: all between the two ends of the hull may be attended, whatever the row says.
template <class T, class F>
void over_attended(const Mask& mask, const MaskSite& at, std::int64_t query, const Mask::Row& row, KeyRange keys,
                   bool covered, T* column, F f) {
  const std::int64_t count = keys.end - keys.begin;
  const std::int64_t begin = std::clamp<std::int64_t>(row.begin - keys.begin, 0, count);
  const std::int64_t end = std::clamp<std::int64_t>(row.end - keys.begin, begin, count);
  if (begin > 0) std::fill(column, column + begin, T(0));
  if (end < count) std::fill(column + end, column + count, T(0));
  if (begin == end) return;
  if (row.whole || covered) return f(column + begin, end - begin);
  std::int64_t attended = 0;  // moved together, to the front, and afterwards from the back to where they were
  for (std::int64_t k = begin; k < end; ++k) {
    if (mask.allows(at, query, keys.begin + k)) column[begin + attended++] = column[k];
  }
  if (attended > 0) f(column + begin, attended);
  for (std::int64_t k = end; k-- > begin;) {
    column[k] = mask.allows(at, query, keys.begin + k) ? column[begin + --attended] : T(0);
  }
}

/// d = d_P becomes d_S, for the weights P = softmax(S) of one query over `keys`: zero wherever P is.
template <Scalar T>
void pull_softmax(const Mask::Row& row, KeyRange keys, const T* p, T* d) {
  const std::int64_t count = keys.end - keys.begin;
  if (row.begin > keys.begin) std::fill(d, d + std::min(row.begin - keys.begin, count), T(0));
  if (row.end < keys.end) std::fill(d + std::max<std::int64_t>(row.end - keys.begin, 0), d + count, T(0));
  if (!row.whole) {
    for (std::int64_t i = 0; i < count; ++i) d[i] = p[i] == T(0) ? T(0) : d[i];
  }
  const T inner = dot(p, d, count);  // d_S = P ∘ (d_P − Σ P ∘ d_P)
  for (std::int64_t i = 0; i < count; ++i) d[i] = p[i] * (d[i] - inner);
}

}  // namespace tapehead
