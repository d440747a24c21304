#pragma once

#include <algorithm>
#include <cstdint>

#include "autograd/ops/cell.hpp"

namespace tapehead {

/// What a cell is made of, in multiples of the width H of its state.
struct CellSizes {
  std::int64_t gates;       ///< G
  std::int64_t states;      ///< S
  bool has_recurrent_bias;  ///< whether it takes one
};

/// Sizes of one call, checked, and the order in which columns are read: small enough to be kept by a pullback.
///
/// Slices are taken in groups, the longest first, so that at each step those that still have a position are the first
/// ones of their group. The columns of a step lie side by side, step after step, group after group: packed. So no
/// product sees padding, each product is of columns that are contiguous, and what a group makes depends on no thread.
struct CellPlan {
  std::int64_t channels, width, positions, slices;
  const std::int32_t* lengths;
  bool backwards;
  std::int64_t groups = 0, columns = 0;        // of all groups together
  const std::int32_t* order = nullptr;         // (B) numbers of slices, group after group
  const std::int64_t* first_slice = nullptr;   // (groups + 1), in `order`
  const std::int64_t* first_column = nullptr;  // (groups + 1), packed

  std::int64_t length(std::int64_t slice) const {
    return lengths == nullptr ? positions : std::clamp<std::int64_t>(lengths[slice], 0, positions);
  }
  /// How many positions the longest slice of a group has.
  std::int64_t steps(std::int64_t group) const {
    return first_slice[group] == first_slice[group + 1] ? 0 : length(order[first_slice[group]]);
  }
  std::int64_t slices_of(std::int64_t group) const { return first_slice[group + 1] - first_slice[group]; }
  std::int64_t columns_of(std::int64_t group) const { return first_column[group + 1] - first_column[group]; }
  /// The position that slice number i of a group has at a step, as a column of (…, T, B).
  std::int64_t column(std::int64_t group, std::int64_t i, std::int64_t step) const {
    const std::int64_t slice = order[first_slice[group] + i];
    return (backwards ? length(slice) - 1 - step : step) + positions * slice;
  }
};

/// Some packed columns: those of one step.
struct CellStep {
  std::int64_t number;  ///< from 0
  std::int64_t live;    ///< the first so many slices of the group have a position
  std::int64_t column;  ///< packed, the first of them
};

/// Calls f(step) for each step of a group, the first one first.
template <class F>
void for_each_step(const CellPlan& plan, std::int64_t group, F f) {
  std::int64_t live = plan.slices_of(group);
  std::int64_t column = plan.first_column[group];
  for (std::int64_t s = 0; s < plan.steps(group); ++s) {
    while (plan.length(plan.order[plan.first_slice[group] + live - 1]) <= s) --live;
    f(CellStep{s, live, column});
    column += live;
  }
}

/// The same, the last one first.
template <class F>
void for_each_step_back(const CellPlan& plan, std::int64_t group, F f) {
  std::int64_t live = 0;
  std::int64_t column = plan.first_column[group + 1];
  for (std::int64_t s = plan.steps(group); s-- > 0;) {
    while (live < plan.slices_of(group) && plan.length(plan.order[plan.first_slice[group] + live]) > s) ++live;
    column -= live;
    f(CellStep{s, live, column});
  }
}

/// Calls f(packed, column) for every packed column of a group and the column of (…, T, B) that it is.
template <class F>
void for_each_packed(const CellPlan& plan, std::int64_t group, F f) {
  for_each_step(plan, group, [&](const CellStep& step) {
    for (std::int64_t i = 0; i < step.live; ++i) f(step.column + i, plan.column(group, i, step.number));
  });
}

/// Calls f(column) for every column of (…, T, B) that is not read.
template <class F>
void for_each_padding(const CellPlan& plan, F f) {
  for (std::int64_t b = 0; b < plan.slices; ++b) {
    for (std::int64_t t = plan.length(b); t < plan.positions; ++t) f(t + plan.positions * b);
  }
}

/// Throws ShapeError by the name of the op, "gru: recurrent is (4, 10), and a state of 4 channels needs (4, 12)".
template <Scalar T>
CellPlan plan_cell(const char* op, const CellInputs<T>& in, const CellOptions& options, const CellSizes& sizes);

}  // namespace tapehead
