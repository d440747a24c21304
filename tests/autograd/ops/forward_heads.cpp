// What changes whole heads: element by element, from the head that each belongs to.

#include "autograd/ops/mix_heads.hpp"
#include "autograd/ops/repeat_slices.hpp"
#include "autograd/ops/scale_heads.hpp"
#include "autograd/ops/subtract_heads.hpp"
#include "tests/autograd/ops/forward_oracles.hpp"

namespace tapehead {
namespace {

ForwardCase scaled(const std::string& label, Shape shape, std::int64_t heads, HeadsIn where) {
  return {label,
          {{shape}, {{heads}}},
          [=](auto x) { return scale_heads(x[0], x[1], where); },
          [=](PlainInputs x) {
            const std::int64_t count = x[1].shape.rows;
            return Plain::of(x[0].shape, [&](auto r, auto c, auto s) {
              const std::int64_t head = where == HeadsIn::rows ? r / (x[0].shape.rows / count) : s % count;
              return x[0](r, c, s) * x[1](head);
            });
          }};
}

ForwardCase repeated(const std::string& label, Shape shape, std::int64_t copies) {
  return {label,
          {{shape}},
          [=](auto x) { return repeat_slices(x[0], copies); },
          [=](PlainInputs x) {
            const Shape in = x[0].shape;
            Plain y({in.rows, in.columns, copies * in.slices});
            std::int64_t next = 0;
            for (std::int64_t s = 0; s < in.slices; ++s) {
              for (std::int64_t copy = 0; copy < copies; ++copy, ++next) {
                for (std::int64_t c = 0; c < in.columns; ++c) {
                  for (std::int64_t r = 0; r < in.rows; ++r) y(r, c, next) = x[0](r, c, s);
                }
              }
            }
            return y;
          }};
}

ForwardCase mixed(const std::string& label, Shape shape, std::int64_t from, std::int64_t to) {
  return {label,
          {{shape}, {{from, to}}},
          [](auto x) { return mix_heads(x[0], x[1]); },
          [](PlainInputs x) {
            const Shape in = x[0].shape;
            const Shape weight = x[1].shape;
            return Plain::of(
                {in.rows, in.columns, in.slices / weight.rows * weight.columns}, [&](auto r, auto c, auto s) {
                  long double sum = 0;
                  for (std::int64_t g = 0; g < weight.rows; ++g) {
                    sum += x[1](g, s % weight.columns) * x[0](r, c, g + weight.rows * (s / weight.columns));
                  }
                  return sum;
                });
          }};
}

ForwardCase subtracted(const std::string& label, Shape shape, std::int64_t heads) {
  return {label,
          {{shape}, {{heads}}},
          [](auto x) { return subtract_heads(x[0], x[1]); },
          [](PlainInputs x) {
            const Shape in = x[0].shape;
            return Plain::of({in.rows, in.columns, in.slices / 2}, [&](auto r, auto c, auto s) {
              return x[0](r, c, 2 * s) - x[1](s % x[1].shape.rows) * x[0](r, c, 2 * s + 1);
            });
          }};
}

}  // namespace

std::vector<ForwardOracle> head_oracles() {
  return {
      {"scale_heads",
       {scaled("rows_D3_H2", {6, 4, 2}, 2, HeadsIn::rows), scaled("rows_D33", {66, 3, 2}, 2, HeadsIn::rows),
        scaled("slices_H2_B3", {5, 4, 6}, 2, HeadsIn::slices), scaled("slices_H3", {33, 2, 3}, 3, HeadsIn::slices)}},
      {"repeat_slices",
       {repeated("twice", {3, 4, 5}, 2), repeated("once", {3, 2, 2}, 1), repeated("four_times", {33, 2, 3}, 4)}},
      {"mix_heads",
       {mixed("H2_B3", {5, 4, 6}, 2, 2), mixed("to_more", {3, 4, 4}, 2, 3), mixed("H7", {33, 2, 7}, 7, 7)}},
      {"subtract_heads",
       {subtracted("H2_B2", {5, 4, 8}, 2), subtracted("one_head", {33, 3, 4}, 1), subtracted("H5", {2, 3, 10}, 5)}},
  };
}

}  // namespace tapehead
