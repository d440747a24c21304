#include "autograd/ops/last_column.hpp"

#include <algorithm>

#include "autograd/ops/detail/masked_cases.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> last_column(Var<T> x, const std::int32_t* lengths) {
  Tape<T>& tape = tape_of("last_column", {x});
  const auto [rows, columns, slices] = x.shape();
  // Its place among the columns of slice b, −1 for none.
  const auto last = [lengths, count = columns](std::int64_t b) {
    return (lengths == nullptr ? count : std::clamp<std::int64_t>(lengths[b], 0, count)) - 1;
  };
  T* y = tape.allocate(rows * slices);
  for (std::int64_t b = 0; b < slices; ++b) {
    if (last(b) < 0) {
      std::fill_n(y + rows * b, rows, T(0));
    } else {
      std::copy_n(x.data() + rows * (last(b) + columns * b), rows, y + rows * b);
    }
  }
  return tape.record("last_column", {rows, 1, slices}, y, {x}, [=, whole = x.shape()](Pull<T>& pull) {
    auto d_x = pull.into(x);
    if (!d_x) return;
    d_x.zero_if_fresh(whole.size());
    for (std::int64_t b = 0; b < whole.slices; ++b) {  // y_b = x of the last column, if there is one
      if (last(b) < 0) continue;
      const T* d_y = pull.d_output() + whole.rows * b;
      T* to = d_x.data + whole.rows * (last(b) + whole.columns * b);
      for (std::int64_t i = 0; i < whole.rows; ++i) to[i] += d_y[i];
    }
  });
}

template Var<float> last_column(Var<float>, const std::int32_t*);
template Var<double> last_column(Var<double>, const std::int32_t*);
template Var<std::complex<double>> last_column(Var<std::complex<double>>, const std::int32_t*);

OpSpec spec_last_column() {
  const auto all = [](auto x) { return last_column(x[0], nullptr); };
  const auto ragged = [](auto x) { return last_column(x[0], ragged_lengths()); };
  return {.name = "last_column",
          .cases = {{"R3_T4", {{{3, 4}}}, all},
                    {"T1_B3", {{{2, 1, 3}}}, all},
                    {"ragged_B4", {{{3, 5, 4}}}, ragged},
                    {"R67_T2", {{{67, 2}}}, all},
                    {"T67", {{{2, 67, 2}}}, all},
                    {"B67", {{{2, 3, 67}}}, ragged}}};
}

}  // namespace tapehead
