#include "autograd/ops/split_heads.hpp"

#include <algorithm>

#include "autograd/ops/detail/heads.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> split_heads(Var<T> x, std::int64_t heads) {
  Tape<T>& tape = tape_of("split_heads", {x});
  const Shape joined = x.shape();
  require_heads_divide("split_heads", heads, joined.rows, "rows", joined);
  const Shape shape{joined.rows / heads, joined.columns, heads * joined.slices};
  const T* in = x.data();
  T* y = tape.allocate(shape.size());
  for_each_head(joined, heads,
                [=](std::int64_t from, std::int64_t to, std::int64_t width) { std::copy_n(in + from, width, y + to); });

  return tape.record("split_heads", shape, y, {x}, [=](Pull<T>& pull) {
    const auto d_x = pull.into(x);  // y = x, elsewhere
    for_each_head(joined, heads, [&](std::int64_t to, std::int64_t from, std::int64_t width) {
      const T* d_y = pull.d_output() + from;
      Sink<T>{d_x.data + to, d_x.fresh}.accumulate(width, [=](std::int64_t i) { return d_y[i]; });
    });
  });
}

template Var<float> split_heads(Var<float>, std::int64_t);
template Var<double> split_heads(Var<double>, std::int64_t);
template Var<std::complex<double>> split_heads(Var<std::complex<double>>, std::int64_t);

OpSpec spec_split_heads() {
  const auto into = [](std::int64_t heads) { return [heads](auto x) { return split_heads(x[0], heads); }; };
  return {.name = "split_heads",
          .cases =
              {
                  {"D2_T3_H2_B2", {{{4, 3, 2}}}, into(2)},
                  {"one_head", {{{3, 2, 2}}}, into(1)},
                  {"width_1", {{{5, 3}}}, into(5)},
                  {"D67_T2_H2", {{{134, 2}}}, into(2)},
                  {"D2_T67_H3_B6", {{{6, 67, 6}}}, into(3)},
              },
          .refusals = {
              {"heads", {{5, 2}}, into(2), "split_heads: 2 heads do not divide the 5 rows of (5, 2)"},
              {"no_heads", {{4, 2}}, into(0), "split_heads: heads must be at least 1, not 0"},
          }};
}

}  // namespace tapehead
