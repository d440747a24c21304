#include "autograd/ops/masked_softmax.hpp"

#include <array>

#include "autograd/masks/causal.hpp"
#include "autograd/masks/lengths.hpp"
#include "autograd/masks/window.hpp"
#include "autograd/ops/detail/attended.hpp"
#include "autograd/ops/detail/heads.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> masked_softmax(Var<T> x, const Mask& mask, std::int64_t heads) {
  Tape<T>& tape = tape_of("masked_softmax", {x});
  const Shape shape = x.shape();
  require_heads_divide("masked_softmax", heads, shape.slices, "slices", shape);
  const std::int64_t keys = shape.rows;
  T* y = tape.allocate(shape.size());
  auto* rows = tape.template allocate_as<Mask::Row>(shape.points());
  std::copy_n(x.data(), shape.size(), y);
  for (std::int64_t s = 0; s < shape.slices; ++s) {
    const MaskSite at{s / heads, s % heads, keys};
    mask.rows(at, 0, shape.columns, rows + s * shape.columns);
    const std::int64_t first = s * shape.columns;
    softmax_attended<T>(mask, at, 0, {rows + first, static_cast<std::size_t>(shape.columns)}, y + first * keys);
  }

  return tape.record("masked_softmax", shape, y, {x}, [=](Pull<T>& pull) {
    const auto d_x = pull.into(x);
    T* d = pull.scratch(keys);
    for (std::int64_t n = 0; n < shape.points(); ++n) {
      std::copy_n(pull.d_output() + n * keys, keys, d);
      pull_softmax_attended<T>({rows + n, 1}, {0, keys}, keys, y + n * keys, d);
      Sink<T>{d_x.data + n * keys, d_x.fresh}.accumulate(keys, [=](std::int64_t i) { return d[i]; });
    }
  });
}

template Var<float> masked_softmax(Var<float>, const Mask&, std::int64_t);
template Var<double> masked_softmax(Var<double>, const Mask&, std::int64_t);
template Var<std::complex<double>> masked_softmax(Var<std::complex<double>>, const Mask&, std::int64_t);

OpSpec spec_masked_softmax() {
  static constexpr auto kRagged = [] {
    std::array<std::int32_t, 512> lengths{};
    for (std::size_t b = 0; b < lengths.size(); ++b) lengths[b] = static_cast<std::int32_t>((4 + 3 * b) % 7);
    return lengths;
  }();
  const auto with = [](const Mask& mask, std::int64_t heads) {
    return [=](auto x) { return masked_softmax(x[0], mask, heads); };
  };
  const Mask ragged = Lengths{kRagged.data()};
  const Mask pieces = Window{} | ragged;
  return {.name = "masked_softmax",
          .cases =
              {
                  {"everything", {{{4, 3, 2}}}, with({}, 1)},
                  {"causal", {{{4, 5}}}, with(Causal{}, 1)},
                  {"ragged_H2_B3", {{{4, 3, 6}}}, with(ragged, 2)},
                  {"in_pieces", {{{5, 5, 3}}}, with(pieces, 1)},
                  {"window_K67", {{{67, 3}}}, with(Window{.left = 1, .right = 40}, 1)},
                  {"Q67", {{{3, 67}}}, with(Causal{.offset = -20}, 1)},
                  {"H67", {{{3, 2, 67}}}, with(Causal{}, 67)},
                  {"saturated", {{{4, 3, 2}, -30, 30}}, with(Causal{}, 2)},
              },
          .refusals = {
              {"heads", {{2, 2, 5}}, with({}, 2), "masked_softmax: 2 heads do not divide the 5 slices of (2, 2, 5)"},
              {"no_heads", {{4, 2}}, with({}, 0), "masked_softmax: heads must be at least 1, not 0"},
          }};
}

}  // namespace tapehead
