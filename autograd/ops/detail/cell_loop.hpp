#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include "autograd/kernels/gemm.hpp"
#include "autograd/kernels/vector_math.hpp"
#include "autograd/ops/detail/cell_plan.hpp"
#include "autograd/ops/detail/logistic.hpp"
#include "autograd/ops/detail/point_sum.hpp"
#include "autograd/parallel.hpp"

namespace tapehead {

/// Some gates of a cell whose sums stand together, in multiples of H: gates [first, first + count) are rows `row` … of
/// the block of sums.
struct GateBlock {
  std::int64_t first, count, row;
};

namespace detail {

template <Scalar T>
void sigmoid_in_place(T* x, std::int64_t count) {
  if constexpr (RealScalar<T>) {
    vectors::sigmoid(x, count, x);
  } else {
    for (std::int64_t i = 0; i < count; ++i) x[i] = logistic(x[i]);
  }
}

template <Scalar T>
void tanh_of(const T* x, std::int64_t count, T* y) {
  if constexpr (RealScalar<T>) {
    vectors::tanh(x, count, y);
  } else {
    for (std::int64_t i = 0; i < count; ++i) y[i] = std::tanh(x[i]);
  }
}

// (columns, rows) of (rows, columns).
template <Scalar T>
void transpose_into(const T* x, std::int64_t rows, std::int64_t columns, T* y) {
  constexpr std::int64_t kTile = 16;
  for (std::int64_t first = 0; first < columns; first += kTile) {
    const std::int64_t last = std::min(first + kTile, columns);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = first; c < last; ++c) y[c + r * columns] = x[r + c * rows];
    }
  }
}

// What a call keeps for the way back, all of it packed.
template <Scalar T>
struct CellMemory {
  T* x;       // (C, N)
  T* sums;    // (rows · H, N), what the cell made of the sums of its gates
  T* states;  // (S · H, N + B): of each group those before the first step, then those behind each
};

// The part of a loop through a cell that knows of no tape: everything of one group of slices. See read_through().
template <Scalar T, class Cell>
struct CellLoop {
  CellPlan plan;
  CellMemory<T> memory;

  static constexpr std::int64_t kGates = Cell::kSizes.gates;
  std::int64_t width() const { return plan.width; }
  std::int64_t rows() const { return Cell::kRows * plan.width; }
  std::int64_t state() const { return Cell::kSizes.states * plan.width; }

  T* sums_at(std::int64_t column) const { return memory.sums + rows() * column; }
  // Of a group, before its first step; those behind a step follow.
  T* first_states(std::int64_t group) const {
    return memory.states + state() * (plan.first_column[group] + plan.first_slice[group]);
  }
  // Behind the step that begins at a packed column, and before it.
  T* states_behind(std::int64_t group, const CellStep& step) const {
    return first_states(group) + state() * (plan.slices_of(group) + step.column - plan.first_column[group]);
  }
  T* states_before(std::int64_t group, const CellStep& step, std::int64_t live_before) const {
    return step.number == 0 ? first_states(group) : states_behind(group, step) - state() * live_before;
  }

  // `turned`: recurrent, transposed (G·H, H), or nullptr.
  void forward(std::int64_t group, const CellInputs<T>& in, const T* turned, T* y) const {
    const std::int64_t h = width();
    const std::int64_t c = plan.channels;
    const std::int64_t first = plan.first_column[group];
    const std::int64_t count = plan.columns_of(group);
    for_each_packed(plan, group, [&, x = in.x.data()](std::int64_t packed, std::int64_t column) {
      std::copy_n(x + c * column, c, memory.x + c * packed);
    });
    for (const auto& [gate, gates, row] : Cell::kInputs) {
      gemm(T(1), MatrixView(in.weight.data() + c * gate * h, c, gates * h), Transpose::yes,
           MatrixView(memory.x + c * first, c, count), Transpose::no, T(0),
           MatrixView(sums_at(first) + row * h, gates * h, count, rows()),
           in.bias ? in.bias.data() + gate * h : nullptr);
    }
    if constexpr (Cell::kSizes.has_recurrent_bias) {
      for (std::int64_t n = first; n < first + count; ++n) {
        T* to = sums_at(n) + Cell::kRecurrentBiasRow * h;
        if (in.recurrent_bias) {
          std::copy_n(in.recurrent_bias.data(), h, to);
        } else {
          std::fill_n(to, h, T(0));
        }
      }
    }
    for (std::int64_t i = 0; i < plan.slices_of(group); ++i) {
      T* to = first_states(group) + state() * i;
      if (in.first) {
        std::copy_n(in.first.data() + state() * plan.order[plan.first_slice[group] + i], state(), to);
      } else {
        std::fill_n(to, state(), T(0));
      }
    }

    std::int64_t live_before = 0;
    for_each_step(plan, group, [&](const CellStep& step) {
      const T* before = states_before(group, step, live_before);
      T* now = states_behind(group, step);
      const MatrixView<T> sums(sums_at(step.column) + Cell::kRecurrentRow * h, kGates * h, step.live, rows());
      const MatrixView<const T> h_before(before, h, step.live, state());
      if (turned != nullptr) {
        gemm(T(1), MatrixView(turned, kGates * h, h), Transpose::no, h_before, Transpose::no, T(1), sums);
      } else {
        gemm(T(1), MatrixView(in.recurrent.data(), h, kGates * h), Transpose::yes, h_before, Transpose::no, T(1), sums);
      }
      for (std::int64_t i = 0; i < step.live; ++i) {
        Cell::step(h, sums_at(step.column + i), before + state() * i, now + state() * i);
        std::copy_n(now + state() * i, state(), y + state() * plan.column(group, i, step.number));
      }
      live_before = step.live;
    });
  }

  // Makes of d_y the gradients of the sums (rows · H, N), and of the first states (S · H, B), both packed.
  void backward(std::int64_t group, const T* recurrent, const T* d_y, T* d_sums, T* d_first) const {
    const std::int64_t h = width();
    T* d_state = d_first + state() * plan.first_slice[group];
    std::fill_n(d_state, state() * plan.slices_of(group), T(0));
    for_each_step_back(plan, group, [&](const CellStep& step) {
      const T* now = states_behind(group, step);
      const T* before = states_before(group, step, live_before(group, step));
      for (std::int64_t i = 0; i < step.live; ++i) {
        T* d = d_state + state() * i;
        const T* from = d_y + state() * plan.column(group, i, step.number);
        for (std::int64_t r = 0; r < state(); ++r) d[r] += from[r];
        Cell::pull(h, sums_at(step.column + i), before + state() * i, now + state() * i, d,
                   d_sums + rows() * (step.column + i));
      }
      gemm(T(1), MatrixView(recurrent, h, kGates * h), Transpose::no,
           MatrixView<const T>(d_sums + rows() * step.column + Cell::kRecurrentRow * h, kGates * h, step.live, rows()),
           Transpose::no, T(1), MatrixView(d_state, h, step.live, state()));
    });
  }

  // The h before each packed column of a group, (H, N).
  void h_before(std::int64_t group, T* to) const {
    std::int64_t live_before = 0;
    for_each_step(plan, group, [&](const CellStep& step) {
      const T* before = states_before(group, step, live_before);
      for (std::int64_t i = 0; i < step.live; ++i) {
        std::copy_n(before + state() * i, width(), to + width() * (step.column + i));
      }
      live_before = step.live;
    });
  }

 private:
  // How many slices had a position at the step before.
  std::int64_t live_before(std::int64_t group, const CellStep& step) const {
    std::int64_t live = step.live;
    while (live < plan.slices_of(group) && plan.length(plan.order[plan.first_slice[group] + live]) >= step.number) {
      ++live;
    }
    return live;
  }
};

// d_w (in, count) += a (in, N) · bᵀ of b (count, N), in pieces of so many columns that several threads find work.
template <Scalar T>
void add_weight_gradient(WorkerPool* workers, const MatrixView<const T>& a, const MatrixView<const T>& b, T beta,
                         T* to) {
  constexpr std::int64_t kPiece = 256;
  for_each_task(workers, (b.rows + kPiece - 1) / kPiece, [&](std::int64_t piece) {
    const std::int64_t first = piece * kPiece;
    const std::int64_t count = std::min(kPiece, b.rows - first);
    gemm(T(1), a, Transpose::no, MatrixView(b.data + first, count, b.columns, b.stride), Transpose::yes, beta,
         MatrixView(to + a.rows * first, a.rows, count));
  });
}

// The sum over all packed columns of rows [0, rows) of x.
template <Scalar T>
void add_over_columns(Pull<T>& pull, const MatrixView<const T>& x, T* to) {
  PointSum<T> sum(pull, to, x.rows, x.columns);
  for (std::int64_t n = 0; n < x.columns; ++n) {
    T* part = sum.at(n);
    for (std::int64_t i = 0; i < x.rows; ++i) part[i] += x.data[i + x.stride * n];
  }
  sum.finish();
}

}  // namespace detail

/// Reads a sequence through a cell, with backpropagation through time. A Cell is a set of constants and two functions
/// of one column:
///
///     kSizes                    // gates, states
///     kRows, kInputs            // of the block of sums (kRows · H), and where the products with x go
///     kRecurrentRow             // where those with h are added, gates in the order of the weights
///     kRecurrentBiasRow         // of a cell that has one: where it is added; no product with x goes there
///     step(H, sums, before, now)             // sums → what pull() wants of them; before → now
///     pull(H, sums, before, now, d, d_sums)  // d: of now → of before, but for what goes through the product with h
template <Scalar T, class Cell>
Var<T> read_through(const char* op, const CellInputs<T>& in, const CellOptions& options) {
  using detail::CellLoop;
  const CellPlan plan = plan_cell(op, in, options, Cell::kSizes);
  Tape<T>& tape = in.x.tape();
  const std::int64_t h = plan.width;
  const std::int64_t c = plan.channels;
  constexpr std::int64_t kGates = Cell::kSizes.gates;
  CellLoop<T, Cell> loop{plan, {}};
  const std::int64_t rows = loop.rows();
  const std::int64_t state = loop.state();
  loop.memory = {.x = tape.allocate(c * plan.columns),
                 .sums = tape.allocate(rows * plan.columns),
                 .states = tape.allocate(state * (plan.columns + plan.slices))};
  const Shape shape{state, plan.positions, plan.slices};
  T* y = tape.allocate(shape.size());
  T* turned = nullptr;  // once, as every step multiplies by it
  if (plan.positions > 1) {
    turned = tape.allocate(kGates * h * h);
    detail::transpose_into(in.recurrent.data(), h, kGates * h, turned);
  }
  for_each_task(tape.workers(), plan.groups, [&](std::int64_t group) { loop.forward(group, in, turned, y); });
  for_each_padding(plan, [&](std::int64_t column) { std::fill_n(y + state * column, state, T(0)); });

  return tape.record(
      op, shape, y, {in.x, in.weight, in.recurrent, in.bias, in.recurrent_bias, in.first}, [=](Pull<T>& pull) {
        WorkerPool* workers = in.x.tape().workers();
        T* d_sums = pull.scratch(rows * plan.columns);
        T* d_first = pull.scratch(state * plan.slices);
        for_each_task(workers, plan.groups, [&](std::int64_t group) {
          loop.backward(group, in.recurrent.data(), pull.d_output(), d_sums, d_first);
        });
        // Of `count` gates, from a packed column on.
        const auto sums_of = [&](std::int64_t row, std::int64_t count, std::int64_t first, std::int64_t columns) {
          return MatrixView<const T>(d_sums + row * h + rows * first, count * h, columns, rows);
        };
        const auto all_of = [&](std::int64_t row, std::int64_t count) { return sums_of(row, count, 0, plan.columns); };
        if (auto d_x = pull.into(in.x)) {  // sums = Wᵀ x + …
          T* packed_gradient = pull.scratch(c * plan.columns);
          for_each_task(workers, plan.groups, [&](std::int64_t group) {
            const std::int64_t first = plan.first_column[group];
            const std::int64_t count = plan.columns_of(group);
            T beta(0);
            for (const auto& [gate, gates, row] : Cell::kInputs) {
              gemm(T(1), MatrixView(in.weight.data() + c * gate * h, c, gates * h), Transpose::no,
                   sums_of(row, gates, first, count), Transpose::no, beta,
                   MatrixView(packed_gradient + c * first, c, count));
              beta = T(1);
            }
            for_each_packed(plan, group, [&](std::int64_t packed, std::int64_t column) {
              const T* from = packed_gradient + c * packed;
              Sink<T>{d_x.data + c * column, d_x.fresh}.accumulate(c, [=](std::int64_t i) { return from[i]; });
            });
          });
          if (d_x.fresh) {
            for_each_padding(plan, [&](std::int64_t column) { std::fill_n(d_x.data + c * column, c, T(0)); });
          }
        }
        if (auto d_w = pull.into(in.weight)) {
          for (const auto& [gate, gates, row] : Cell::kInputs) {
            detail::add_weight_gradient<T>(workers, MatrixView<const T>(loop.memory.x, c, plan.columns),
                                           all_of(row, gates), d_w.beta(), d_w.data + c * gate * h);
          }
        }
        if (auto d_b = pull.into(in.bias)) {
          d_b.zero_if_fresh(kGates * h);
          for (const auto& [gate, gates, row] : Cell::kInputs) {
            detail::add_over_columns(pull, all_of(row, gates), d_b.data + gate * h);
          }
        }
        if (auto d_u = pull.into(in.recurrent)) {  // … + Uᵀ h
          T* h_before = pull.scratch(h * plan.columns);
          for_each_task(workers, plan.groups, [&](std::int64_t group) { loop.h_before(group, h_before); });
          detail::add_weight_gradient<T>(workers, MatrixView<const T>(h_before, h, plan.columns),
                                         all_of(Cell::kRecurrentRow, kGates), d_u.beta(), d_u.data);
        }
        if constexpr (Cell::kSizes.has_recurrent_bias) {
          if (auto d_b = pull.into(in.recurrent_bias)) {
            d_b.zero_if_fresh(h);
            detail::add_over_columns(pull, all_of(Cell::kRecurrentBiasRow, 1), d_b.data);
          }
        }
        if (auto d_f = pull.into(in.first)) {
          for (std::int64_t i = 0; i < plan.slices; ++i) {
            const T* from = d_first + state * i;
            Sink<T>{d_f.data + state * plan.order[i], d_f.fresh}.accumulate(state,
                                                                            [=](std::int64_t r) { return from[r]; });
          }
        }
      });
}

}  // namespace tapehead
