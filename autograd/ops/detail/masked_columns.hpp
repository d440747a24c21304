#pragma once

#include <algorithm>
#include <cstdint>

#include "autograd/branches.hpp"
#include "autograd/masks/mask.hpp"
#include "autograd/ops/detail/heads.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// Writes the keys that a query may attend, in order; returns how many.
inline std::int64_t list_attended(const Mask& mask, const MaskSite& at, std::int64_t query, std::int32_t* keys) {
  const KeyRange hull = mask.hull(at, query);
  std::int64_t count = 0;
  for (std::int64_t k = hull.begin; k < hull.end; ++k) {
    if (mask.allows(at, query, k)) keys[count++] = static_cast<std::int32_t>(k);
  }
  return count;
}

/// sorted = the elements of x, the largest real part first.
template <Scalar T>
void sort_descending(const T* x, std::int64_t count, T* sorted) {
  std::copy_n(x, count, sorted);
  std::sort(sorted, sorted + count, [](const T& a, const T& b) { return real_part(a) > real_part(b); });
}

/// y = f of the elements of each column that its query may attend, side by side and in order, and zero elsewhere. x
/// (K, Q, H·B), slice h + H·b being head h of example b.
///
///     forward(column, count, spare)   replaces x by y; `spare` is memory for as many
///     pullback(x, y, count, d)        replaces d = d_y by d_x
///
/// They are not called for columns in which nothing may be attended; they are plain values. `kinks`: the slope of f
/// jumps where an element of y becomes zero. Throws as masked_softmax() does, in the name of `op`.
template <Scalar T, class F, class P>
Var<T> map_masked_columns(const char* op, Var<T> x, const Mask& mask, std::int64_t heads, F forward, P pullback,
                          bool kinks = false) {
  Tape<T>& tape = tape_of(op, {x});
  const Shape shape = x.shape();
  require_heads_divide(op, heads, shape.slices, "slices", shape);
  const std::int64_t keys = shape.rows;
  const T* in = x.data();
  T* y = tape.allocate(shape.size());
  T* column = tape.allocate(keys);
  T* spare = tape.allocate(keys);
  auto* attended = tape.template allocate_as<std::int32_t>(keys);
  const auto attended_by = [=](std::int64_t n) {
    const std::int64_t slice = n / shape.columns;
    return list_attended(mask, {slice / heads, slice % heads, keys}, n % shape.columns, attended);
  };
  for (std::int64_t n = 0; n < shape.points(); ++n) {
    const std::int64_t count = attended_by(n);
    for (std::int64_t i = 0; i < count; ++i) column[i] = in[n * keys + attended[i]];
    if (count > 0) forward(column, count, spare);
    if (kinks) note_branches(tape, count, [column](std::int64_t i) { return real_part(column[i]) > 0; });
    std::fill_n(y + n * keys, keys, T(0));
    for (std::int64_t i = 0; i < count; ++i) y[n * keys + attended[i]] = column[i];
  }

  return tape.record(op, shape, y, {x}, [=](Pull<T>& pull) {
    auto d_x = pull.into(x);
    d_x.zero_if_fresh(shape.size());
    T* xs = pull.scratch(3 * keys);
    T* ys = xs + keys;
    T* ds = ys + keys;
    for (std::int64_t n = 0; n < shape.points(); ++n) {
      const std::int64_t count = attended_by(n);
      if (count == 0) continue;
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t at = n * keys + attended[i];
        xs[i] = in[at];
        ys[i] = y[at];
        ds[i] = pull.d_output()[at];
      }
      pullback(xs, ys, count, ds);
      for (std::int64_t i = 0; i < count; ++i) d_x.data[n * keys + attended[i]] += ds[i];
    }
  });
}

}  // namespace tapehead
