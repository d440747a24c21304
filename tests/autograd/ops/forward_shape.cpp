#include "autograd/ops/add_broadcast.hpp"
#include "autograd/ops/concatenate.hpp"
#include "autograd/ops/mean.hpp"
#include "autograd/ops/merge_heads.hpp"
#include "autograd/ops/reshape.hpp"
#include "autograd/ops/slice.hpp"
#include "autograd/ops/split_heads.hpp"
#include "autograd/ops/sum.hpp"
#include "autograd/ops/transpose.hpp"
#include "autograd/ops/unfold.hpp"
#include "tests/autograd/ops/forward_oracles.hpp"

namespace tapehead {
namespace {

// The part that holds place `at` along the axis is the one that is not yet passed.
ForwardCase joined(const std::string& label, std::vector<InputSpec> inputs, Axis axis) {
  return {label, std::move(inputs), [axis](auto x) { return concatenate(x, axis); },
          [axis](PlainInputs x) {
            Shape shape = x[0].shape;
            for (const Plain& part : x.subspan(1)) {
              if (axis == Axis::rows) shape.rows += part.shape.rows;
              if (axis == Axis::columns) shape.columns += part.shape.columns;
              if (axis == Axis::slices) shape.slices += part.shape.slices;
            }
            return Plain::of(shape, [&](auto r, auto c, auto s) {
              std::size_t part = 0;
              while (r >= x[part].shape.rows && axis == Axis::rows) r -= x[part++].shape.rows;
              while (c >= x[part].shape.columns && axis == Axis::columns) c -= x[part++].shape.columns;
              while (s >= x[part].shape.slices && axis == Axis::slices) s -= x[part++].shape.slices;
              return x[part](r, c, s);
            });
          }};
}

ForwardCase cut(const std::string& label, Shape shape, Axis axis, std::int64_t first, std::int64_t count) {
  return {label,
          {{shape}},
          [=](auto x) { return slice(x[0], axis, first, count); },
          [=](PlainInputs x) {
            Shape out = x[0].shape;
            (axis == Axis::rows ? out.rows : axis == Axis::columns ? out.columns : out.slices) = count;
            return Plain::of(out, [&](auto r, auto c, auto s) {
              if (axis == Axis::rows) return x[0](r + first, c, s);
              if (axis == Axis::columns) return x[0](r, c + first, s);
              return x[0](r, c, s + first);
            });
          }};
}

ForwardCase swapped(const std::string& label, Shape shape) {
  return {label,
          {{shape}},
          [](auto x) { return transpose(x[0]); },
          [](PlainInputs x) {
            const Shape in = x[0].shape;
            return Plain::of({in.columns, in.rows, in.slices}, [&](auto r, auto c, auto s) { return x[0](c, r, s); });
          }};
}

// Every number of the result asks where it comes from.
ForwardCase unfolded(const std::string& label, Shape shape, Neighbours n) {
  return {label,
          {{shape}},
          [=](auto x) { return unfold(x[0], n); },
          [=](PlainInputs x) {
            const Shape in = x[0].shape;
            return Plain::of({n.width * in.rows, n.first == nullptr ? in.columns : n.columns, in.slices},
                             [&](auto r, auto c, auto s) -> long double {
                               const auto at = c + r / in.rows - n.left + (n.first == nullptr ? 0 : n.first[s]);
                               const auto end =
                                   n.lengths == nullptr ? in.columns : std::min<std::int64_t>(n.lengths[s], in.columns);
                               return at < 0 || at >= end ? 0 : x[0](r % in.rows, at, s);
                             });
          }};
}

// Number i of the one is number i of the other. `axes` as reshape() takes them, −1 among the first two at most.
ForwardCase reshaped(const std::string& label, Shape shape, Shape axes) {
  return {label,
          {{shape}},
          [=](auto x) { return reshape(x[0], axes); },
          [=](PlainInputs x) {
            const Shape in = x[0].shape;
            Shape out = axes;
            if (out.rows < 0) out.rows = in.size() / (out.columns * out.slices);
            if (out.columns < 0) out.columns = in.size() / (out.rows * out.slices);
            return Plain::of(out, [&](auto r, auto c, auto s) {
              const std::int64_t i = r + out.rows * (c + out.columns * s);
              return x[0](i % in.rows, i / in.rows % in.columns, i / (in.rows * in.columns));
            });
          }};
}

ForwardCase heads_apart(const std::string& label, Shape shape, std::int64_t heads) {
  return {label,
          {{shape}},
          [heads](auto x) { return split_heads(x[0], heads); },
          [heads](PlainInputs x) {
            const Shape in = x[0].shape;
            const std::int64_t width = in.rows / heads;
            return Plain::of({width, in.columns, heads * in.slices},
                             [&](auto r, auto c, auto s) { return x[0](r + width * (s % heads), c, s / heads); });
          }};
}

ForwardCase heads_together(const std::string& label, Shape shape, std::int64_t heads) {
  return {label,
          {{shape}},
          [heads](auto x) { return merge_heads(x[0], heads); },
          [heads](PlainInputs x) {
            const Shape in = x[0].shape;
            return Plain::of({heads * in.rows, in.columns, in.slices / heads},
                             [&](auto r, auto c, auto s) { return x[0](r % in.rows, c, r / in.rows + heads * s); });
          }};
}

ForwardCase spread(const std::string& label, Shape shape, Shape term) {
  return {label,
          {{shape}, {term}},
          [](auto x) { return add_broadcast(x[0], x[1]); },
          [](PlainInputs x) {
            const Shape term_shape = x[1].shape;
            return Plain::of(x[0].shape, [&](auto r, auto c, auto s) {
              return x[0](r, c, s) + x[1](r, term_shape.columns == 1 ? 0 : c, term_shape.slices == 1 ? 0 : s);
            });
          }};
}

long double total(const Plain& x) {
  long double sum = 0;
  for (const long double element : x.values) sum += element;
  return sum;
}

ForwardCase summed(const std::string& label, Shape shape) {
  return {label,
          {{shape}},
          [](auto x) { return sum(x[0]); },
          [](PlainInputs x) { return Plain::of({}, [&](auto, auto, auto) { return total(x[0]); }); }};
}

ForwardCase averaged(const std::string& label, Shape shape) {
  return {label,
          {{shape}},
          [](auto x) { return mean(x[0]); },
          [](PlainInputs x) {
            const auto count = static_cast<long double>(x[0].values.size());
            return Plain::of({}, [&](auto, auto, auto) { return total(x[0]) / count; });
          }};
}

const std::vector<std::int32_t>& lengths() {
  static const std::vector<std::int32_t> all = [] {
    std::vector<std::int32_t> some;
    for (int i = 0; i < 256; ++i) some.push_back(i % 3 == 0 ? 3 : i % 3 == 1 ? 5 : 1);
    return some;
  }();
  return all;
}

}  // namespace

std::vector<ForwardOracle> shape_oracles() {
  return {
      {"concatenate",
       {joined("rows", {{{2, 3, 2}}, {{4, 3, 2}}, {{1, 3, 2}}}, Axis::rows),
        joined("columns", {{{3, 2, 2}}, {{3, 5, 2}}, {{3, 1, 2}}}, Axis::columns),
        joined("slices", {{{3, 2, 2}}, {{3, 2, 1}}, {{3, 2, 3}}}, Axis::slices)}},
      {"slice",
       {cut("first_rows", {5, 3, 2}, Axis::rows, 0, 2), cut("last_rows", {5, 3, 2}, Axis::rows, 2, 3),
        cut("columns", {3, 7, 2}, Axis::columns, 2, 3), cut("slices", {3, 2, 5}, Axis::slices, 1, 3),
        cut("all", {3, 2, 4}, Axis::columns, 0, 2)}},
      {"unfold",
       {unfolded("causal", {3, 6, 2}, {.width = 3, .left = 2}), unfolded("centred", {4, 5}, {.width = 5, .left = 2}),
        unfolded("lengths", {3, 5, 3}, {.width = 3, .left = 1, .lengths = lengths().data()}),
        unfolded("first", {3, 6, 3}, {.width = 2, .left = 1, .first = lengths().data(), .columns = 2})}},
      {"transpose", {swapped("R3_C5_S2", {3, 5, 2}), swapped("column", {7}), swapped("R17_C33", {17, 33})}},
      {"reshape",
       {reshaped("flat", {4, 3, 2}, {-1}), reshaped("row", {4, 3, 2}, {1, -1}),
        reshaped("turned", {3, 5, 2}, {2, 3, 5})}},
      {"split_heads",
       {heads_apart("D2_T3_H3_B2", {6, 3, 2}, 3), heads_apart("one_head", {3, 2, 4}, 1),
        heads_apart("D33_H2", {66, 5}, 2)}},
      {"merge_heads",
       {heads_together("D2_T3_H3_B2", {2, 3, 6}, 3), heads_together("one_head", {3, 2, 4}, 1),
        heads_together("D33_H2", {33, 5, 2}, 2)}},
      {"add_broadcast",
       {spread("column", {3, 5, 2}, {3}), spread("table", {3, 5, 2}, {3, 5}),
        spread("column_a_slice", {3, 5, 2}, {3, 1, 2}), spread("all", {3, 5, 2}, {3, 5, 2})}},
      {"sum", {summed("scalar", {}), summed("R3_C5_S2", {3, 5, 2}), summed("R129", {129})}},
      {"mean", {averaged("scalar", {}), averaged("R3_C5_S2", {3, 5, 2}), averaged("R129", {129})}},
  };
}

}  // namespace tapehead
