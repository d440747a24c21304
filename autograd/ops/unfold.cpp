#include "autograd/ops/unfold.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "autograd/base/errors.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

// Calls f(from, to) for each pair of a column of x and its place in y, both counted in numbers; f(-1, to) where nothing
// stands.
template <class F>
void for_each_neighbour(const Neighbours& n, const Shape& x, const Shape& y, F f) {
  for (std::int64_t b = 0; b < y.slices; ++b) {
    const std::int64_t length = n.lengths == nullptr ? x.columns : std::min<std::int64_t>(x.columns, n.lengths[b]);
    const std::int64_t first = n.first == nullptr ? 0 : n.first[b];
    for (std::int64_t t = 0; t < y.columns; ++t) {
      for (std::int64_t j = 0; j < n.width; ++j) {
        const std::int64_t from = first + t + j - n.left;
        const bool there = from >= 0 && from < length;
        f(there ? x.offset({0, from, b}) : -1, y.offset({x.rows * j, t, b}));
      }
    }
  }
}

// Some numbers again and again, for as many slices as a test may ask for.
std::vector<std::int32_t> numbers(const std::vector<std::int32_t>& some) {
  std::vector<std::int32_t> all;
  for (std::size_t i = 0; i < 256; ++i) all.push_back(some[i % some.size()]);
  return all;
}

}  // namespace

template <Scalar T>
Var<T> unfold(Var<T> x, const Neighbours& n) {
  Tape<T>& tape = tape_of("unfold", {x});
  if (n.width < 1 || n.left < 0 || n.left >= n.width) {
    throw ShapeError(
        fmt::format("unfold: a width of {} with {} to the left; the width is 1 at least, and at most "
                    "width - 1 are to the left",
                    n.width, n.left));
  }
  const Shape in = x.shape();
  const Shape shape{n.width * in.rows, n.first == nullptr ? in.columns : n.columns, in.slices};
  T* y = tape.allocate(shape.size());
  for_each_neighbour(n, in, shape, [&](std::int64_t from, std::int64_t to) {
    if (from < 0) {
      std::fill_n(y + to, in.rows, T(0));
    } else {
      std::copy_n(x.data() + from, in.rows, y + to);
    }
  });

  return tape.record("unfold", shape, y, {x}, [=](Pull<T>& pull) {
    auto d_x = pull.into(x);
    if (!d_x) return;
    d_x.zero_if_fresh(in.size());
    const T* d_y = pull.d_output();
    // y is x where there is a neighbour
    for_each_neighbour(n, in, shape, [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t c = 0; from >= 0 && c < in.rows; ++c) d_x.data[from + c] += d_y[to + c];
    });
  });
}

template Var<float> unfold(Var<float>, const Neighbours&);
template Var<double> unfold(Var<double>, const Neighbours&);
template Var<std::complex<double>> unfold(Var<std::complex<double>>, const Neighbours&);

OpSpec spec_unfold() {
  static const std::vector<std::int32_t> lengths = numbers({3, 5, 1, 0});
  static const std::vector<std::int32_t> first = numbers({0, 2, 4, 1});
  const auto of = [](Neighbours n) { return [n](auto x) { return unfold(x[0], n); }; };
  return {.name = "unfold",
          .cases =
              {
                  {"causal_width_3", {{{4, 6, 2}}}, of({.width = 3, .left = 2})},
                  {"centred_width_3", {{{4, 6, 2}}}, of({.width = 3, .left = 1})},
                  {"ahead_width_2", {{{3, 5}}}, of({.width = 2, .left = 0})},
                  {"width_1", {{{3, 5}}}, of({.width = 1})},
                  {"wider_than_the_sequence", {{{2, 3, 2}}}, of({.width = 7, .left = 4})},
                  {"lengths", {{{3, 5, 4}}}, of({.width = 3, .left = 1, .lengths = lengths.data()})},
                  {"first", {{{3, 6, 4}}}, of({.width = 3, .left = 2, .first = first.data(), .columns = 2})},
                  {"one_variable", {{{67, 3, 2}}}, of({.width = 3, .left = 1})},
              },
          .refusals = {
              {"no_width", {{3, 4}}, of({.width = 0}), "unfold: a width of 0"},
              {"too_far_left", {{3, 4}}, of({.width = 2, .left = 2}), "unfold: a width of 2 with 2 to the left"},
              {"right_alone", {{3, 4}}, of({.width = 2, .left = -1}), "with -1 to the left"},
          }};
}

}  // namespace tapehead
