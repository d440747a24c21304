#include "autograd/ops/cumulative_mean.hpp"

#include <algorithm>

#include "autograd/ops/detail/heads.hpp"
#include "autograd/ops/detail/masked_cases.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

// The columns of one slice in the order in which they are read.
struct ReadColumns {
  std::int64_t rows, count;
  std::int64_t first;   // element of the column that is read first
  std::int64_t stride;  // from each to the next

  ReadColumns(const Shape& shape, const RecurrenceOptions& options, std::int64_t slice)
      : rows(shape.rows),
        count(options.lengths == nullptr ? shape.columns
                                         : std::clamp<std::int64_t>(options.lengths[slice], 0, shape.columns)),
        first(slice * shape.rows * shape.columns),
        stride(shape.rows) {
    if (!options.backwards) return;
    first += rows * (count - 1);
    stride = -stride;
  }
  std::int64_t at(std::int64_t i) const { return first + i * stride; }
};

template <Scalar T>
void add_to(T* sum, const T* x, std::int64_t rows, Real<T> factor = 1) {
  for (std::int64_t r = 0; r < rows; ++r) sum[r] += factor * x[r];
}

// 1 / n; of nothing, nothing.
template <Scalar T>
Real<T> share(std::int64_t n) {
  return n > 0 ? 1 / static_cast<Real<T>>(n) : 0;
}

}  // namespace

template <Scalar T>
Var<T> cumulative_mean(Var<T> x, const RecurrenceOptions& options, bool whole, T* state) {
  Tape<T>& tape = tape_of("cumulative_mean", {x});
  const Shape shape = x.shape();
  const auto [rows, columns, slices] = shape;
  require_heads_divide("cumulative_mean", options.heads, rows, "rows", shape);
  const std::int64_t width = rows / options.heads;
  T* y = tape.allocate(shape.size());
  T* sum = tape.allocate(rows);
  auto* before = tape.template allocate_as<std::int64_t>(slices);  // columns that were read earlier
  for (std::int64_t b = 0; b < slices; ++b) {
    const ReadColumns read(shape, options, b);
    T* kept = state != nullptr ? state + b * (width + 1) * options.heads : nullptr;
    std::fill_n(sum, rows, T(0));
    before[b] = 0;
    for (std::int64_t h = 0; kept != nullptr && h < options.heads; ++h) {
      std::copy_n(kept + h * (width + 1), width, sum + h * width);
      before[b] = static_cast<std::int64_t>(std::real(kept[h * (width + 1) + width]));
    }
    for (std::int64_t i = 0; i < read.count; ++i) {
      add_to(sum, x.data() + read.at(i), rows);
      if (whole) continue;
      std::fill_n(y + read.at(i), rows, T(0));
      add_to(y + read.at(i), sum, rows, share<T>(before[b] + i + 1));
    }
    T* of_slice = y + b * rows * columns;
    if (!whole) std::fill(of_slice + rows * read.count, of_slice + rows * columns, T(0));
    for (std::int64_t t = 0; whole && t < columns; ++t) {
      std::fill_n(of_slice + rows * t, rows, T(0));
      add_to(of_slice + rows * t, sum, rows, share<T>(read.count));
    }
    for (std::int64_t h = 0; kept != nullptr && h < options.heads; ++h) {
      std::copy_n(sum + h * width, width, kept + h * (width + 1));
      kept[h * (width + 1) + width] = static_cast<Real<T>>(before[b] + read.count);
    }
  }

  return tape.record("cumulative_mean", shape, y, {x}, [=](Pull<T>& pull) {
    auto d_x = pull.into(x);
    if (!d_x) return;
    d_x.zero_if_fresh(shape.size());
    const T* d_y = pull.d_output();
    T* d_sum = pull.scratch(rows);
    for (std::int64_t b = 0; b < slices; ++b) {
      const ReadColumns read(shape, options, b);
      std::fill_n(d_sum, rows, T(0));
      for (std::int64_t t = 0; whole && t < columns; ++t) {  // y = sum / n
        add_to(d_sum, d_y + (t + b * columns) * rows, rows, share<T>(read.count));
      }
      for (std::int64_t i = read.count; i-- > 0;) {  // y_i = sum_i / (i + 1), sum_i = sum_{i−1} + x_i
        if (!whole) add_to(d_sum, d_y + read.at(i), rows, share<T>(before[b] + i + 1));
        add_to(d_x.data + read.at(i), d_sum, rows);
      }
    }
  });
}

template Var<float> cumulative_mean(Var<float>, const RecurrenceOptions&, bool, float*);
template Var<double> cumulative_mean(Var<double>, const RecurrenceOptions&, bool, double*);
template Var<std::complex<double>> cumulative_mean(Var<std::complex<double>>, const RecurrenceOptions&, bool,
                                                   std::complex<double>*);

OpSpec spec_cumulative_mean() {
  const auto with = [](const RecurrenceOptions& options, bool whole = false) {
    return [=](auto x) { return cumulative_mean(x[0], options, whole); };
  };
  const RecurrenceOptions ragged{.lengths = ragged_lengths()};
  return {.name = "cumulative_mean",
          .cases =
              {
                  {"R3_T4", {{{3, 4}}}, with({})},
                  {"ragged_B4", {{{3, 5, 4}}}, with(ragged)},
                  {"backwards_B4", {{{3, 5, 4}}}, with({.lengths = ragged_lengths(), .backwards = true})},
                  {"whole", {{{3, 4}}}, with({}, true)},
                  {"whole_ragged_B4", {{{3, 5, 4}}}, with(ragged, true)},
                  {"R67_T2", {{{67, 2}}}, with({})},
                  {"T67", {{{2, 67, 2}}}, with({})},
                  {"B67", {{{2, 3, 67}}}, with(ragged)},
              },
          .refusals = {{"heads",
                        {{5, 2}},
                        [](auto x) { return cumulative_mean(x[0], {.heads = 2}); },
                        "cumulative_mean: 2 heads do not divide the 5 rows of (5, 2)"}}};
}

}  // namespace tapehead
