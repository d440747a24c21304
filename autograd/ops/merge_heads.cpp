#include "autograd/ops/merge_heads.hpp"

#include <algorithm>

#include "autograd/ops/detail/heads.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> merge_heads(Var<T> x, std::int64_t heads) {
  Tape<T>& tape = tape_of("merge_heads", {x});
  const Shape apart = x.shape();
  require_heads_divide("merge_heads", heads, apart.slices, "slices", apart);
  const Shape shape{heads * apart.rows, apart.columns, apart.slices / heads};
  const T* in = x.data();
  T* y = tape.allocate(shape.size());
  for_each_head(shape, heads,
                [=](std::int64_t to, std::int64_t from, std::int64_t width) { std::copy_n(in + from, width, y + to); });

  return tape.record("merge_heads", shape, y, {x}, [=](Pull<T>& pull) {
    const auto d_x = pull.into(x);  // y = x, elsewhere
    for_each_head(shape, heads, [&](std::int64_t from, std::int64_t to, std::int64_t width) {
      const T* d_y = pull.d_output() + from;
      Sink<T>{d_x.data + to, d_x.fresh}.accumulate(width, [=](std::int64_t i) { return d_y[i]; });
    });
  });
}

template Var<float> merge_heads(Var<float>, std::int64_t);
template Var<double> merge_heads(Var<double>, std::int64_t);
template Var<std::complex<double>> merge_heads(Var<std::complex<double>>, std::int64_t);

OpSpec spec_merge_heads() {
  const auto of = [](std::int64_t heads) { return [heads](auto x) { return merge_heads(x[0], heads); }; };
  return {.name = "merge_heads",
          .cases =
              {
                  {"D2_T3_H2_B2", {{{2, 3, 4}}}, of(2)},
                  {"one_head", {{{3, 2, 2}}}, of(1)},
                  {"width_1", {{{1, 3, 5}}}, of(5)},
                  {"D67_T2_H2", {{{67, 2, 2}}}, of(2)},
                  {"D2_T67_H3_B6", {{{2, 67, 18}}}, of(3)},
              },
          .refusals = {
              {"heads", {{2, 2, 5}}, of(2), "merge_heads: 2 heads do not divide the 5 slices of (2, 2, 5)"},
              {"no_heads", {{4, 2}}, of(0), "merge_heads: heads must be at least 1, not 0"},
          }};
}

}  // namespace tapehead
