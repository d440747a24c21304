#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

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

// run(j, ranges) for several queries from j on that may attend all of their hull, one(j, row) for the others. `runs`:
// whether there are runs at all.
template <class Run, class One>
void for_each_run(std::span<const Mask::Row> rows, bool runs, Run run, One one) {
  constexpr std::size_t kMost = 16;
  std::array<vectors::Range, kMost> ranges;
  for (std::size_t j = 0; j < rows.size();) {
    std::size_t count = 0;
    for (; runs && count < kMost && j + count < rows.size() && rows[j + count].whole; ++count) {
      ranges[count] = {rows[j + count].begin, rows[j + count].end};
    }
    if (count > 0) {
      run(static_cast<std::int64_t>(j), std::span(ranges).first(count));
    } else {
      one(static_cast<std::int64_t>(j), rows[j]);
    }
    j += std::max<std::size_t>(count, 1);
  }
}

/// Scores become weights, in place: column j is the softmax of what query `first` + j may attend, and zero elsewhere,
/// whatever it was there.
template <Scalar T>
void softmax_attended(const Mask& mask, const MaskSite& at, std::int64_t first, std::span<const Mask::Row> rows,
                      T* scores) {
  const std::int64_t keys = at.keys;
  for_each_run(
      rows, RealScalar<T>,
      [&](std::int64_t j, std::span<const vectors::Range> ranges) {
        if constexpr (RealScalar<T>) vectors::softmax_columns(ranges, keys, keys, scores + j * keys);
      },
      [&](std::int64_t j, const Mask::Row& row) {
        over_attended(mask, at, first + j, row, {0, keys}, false, scores + j * keys,
                      [](T* column, std::int64_t count) { softmax_column(column, count, column); });
      });
}

/// d = d_P becomes d_S, for the weights P of these queries, which softmax_attended() made, and the keys from
/// `keys.begin` on; both have a column of `stride` for each.
template <Scalar T>
void pull_softmax_attended(std::span<const Mask::Row> rows, KeyRange keys, std::int64_t stride, const T* p, T* d) {
  const std::int64_t size = keys.end - keys.begin;
  const auto within = [=](std::int32_t key) {
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(key - keys.begin, 0, size));
  };
  for_each_run(
      rows, RealScalar<T>,
      [&](std::int64_t j, std::span<vectors::Range> ranges) {
        for (vectors::Range& range : ranges) range = {within(range.begin), within(range.end)};
        if constexpr (RealScalar<T>) {
          vectors::softmax_pullback_columns(ranges, size, stride, p + j * stride, d + j * stride);
        }
      },
      [&](std::int64_t j, const Mask::Row& row) {
        const T* weights = p + j * stride;
        T* column = d + j * stride;
        // Zero wherever P is: what stands there is nobody's.
        for (std::int64_t i = 0; i < size; ++i) {
          const bool inside = i >= within(row.begin) && i < within(row.end);
          column[i] = inside && weights[i] != T(0) ? column[i] : T(0);
        }
        pull_softmax_column(weights, size, column);
      });
}

}  // namespace tapehead
