// What ops through a cell promise beyond their specs: they equal their composition from simple ops, values and
// gradients; a sequence may be read in pieces; padding plays no part; no sum, however large, makes anything but
// numbers.

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "autograd/base/random.hpp"
#include "autograd/ops/add.hpp"
#include "autograd/ops/affine.hpp"
#include "autograd/ops/concatenate.hpp"
#include "autograd/ops/detail/cell_cases.hpp"
#include "autograd/ops/elman.hpp"
#include "autograd/ops/gru.hpp"
#include "autograd/ops/lstm.hpp"
#include "autograd/ops/multiply.hpp"
#include "autograd/ops/sigmoid.hpp"
#include "autograd/ops/slice.hpp"
#include "autograd/ops/subtract.hpp"
#include "autograd/ops/tanh.hpp"

namespace tapehead {
namespace {

using V = Var<double>;

// Gate `number` of sums (G·H, 1, B).
V gate(V sums, std::int64_t width, std::int64_t number) { return slice(sums, Axis::rows, number * width, width); }

struct Cell {
  std::string name;
  CellSizes sizes;
  std::function<V(const CellInputs<double>&, const CellOptions&)> call;
  // One step from simple ops: what x gives, what h gives, the state before, the recurrent bias.
  std::function<V(V of_x, V of_h, V before, std::int64_t width)> step;
};

const std::vector<Cell>& cells() {
  static const std::vector<Cell> all{
      {"elman",
       {1, 1, false},
       [](const auto& in, const auto& o) { return elman(in, o); },
       [](V x, V h, V, std::int64_t) { return tanh(add(x, h)); }},
      {"gru",
       {3, 1, true},
       [](const auto& in, const auto& o) { return gru(in, o); },
       [](V x, V h, V before, std::int64_t width) {
         const auto sum = [&](std::int64_t g) { return add(gate(x, width, g), gate(h, width, g)); };
         const V n = tanh(add(gate(x, width, 2), multiply(sigmoid(sum(0)), gate(h, width, 2))));
         return add(n, multiply(sigmoid(sum(1)), subtract(before, n)));
       }},
      {"lstm",
       {4, 2, false},
       [](const auto& in, const auto& o) { return lstm(in, o); },
       [](V x, V h, V before, std::int64_t width) {
         const auto sum = [&](std::int64_t g) { return add(gate(x, width, g), gate(h, width, g)); };
         const V c = add(multiply(sigmoid(sum(1)), gate(before, width, 1)), multiply(sigmoid(sum(0)), tanh(sum(2))));
         const V parts[] = {multiply(sigmoid(sum(3)), tanh(c)), c};
         return concatenate<double>(parts, Axis::rows);
       }},
  };
  return all;
}

class Cells : public testing::TestWithParam<Cell> {
 protected:
  const Cell& cell() const { return GetParam(); }

  // Numbers in ±size for inputs of these shapes, the same for the same shapes.
  static std::vector<V> inputs(Tape<double>& tape, const std::vector<InputSpec>& specs, double size = 1) {
    std::vector<V> x;
    for (const InputSpec& spec : specs) {
      const RandomStream random(6, Purpose::test, x.size());
      std::vector<double> values;
      for (std::int64_t i = 0; i < spec.shape.size(); ++i) {
        values.push_back(size * (2 * random.uniform(static_cast<std::uint32_t>(i)) - 1));
      }
      x.push_back(tape.input(spec.shape, values.data()));
    }
    return x;
  }
};
INSTANTIATE_TEST_SUITE_P(, Cells, testing::ValuesIn(cells()), [](const auto& at) { return at.param.name; });

// Of sizes beyond a group of slices and a piece of a weight's gradient.
TEST_P(Cells, EqualTheirCompositionFromSimpleOps) {
  constexpr std::int64_t kChannels = 5, kWidth = 90, kPositions = 4, kSlices = 19;
  const auto specs = cell_shapes(cell().sizes, kChannels, kWidth, kPositions, kSlices, {});
  Tape<double> fused_tape, tape;
  const std::vector<V> fused_inputs = inputs(fused_tape, specs, 0.3);
  const std::vector<V> simple_inputs = inputs(tape, specs, 0.3);
  const V fused = cell().call(cell_inputs(fused_inputs, cell().sizes, {}), {});

  const CellInputs<double> in = cell_inputs(simple_inputs, cell().sizes, {});
  const V of_x = affine(in.x, in.weight, in.bias);
  V recurrent_bias;  // nothing for all gates but the last
  if (in.recurrent_bias) {
    const std::vector<double> nothing(static_cast<std::size_t>((cell().sizes.gates - 1) * kWidth));
    const V parts[] = {tape.constant({std::ssize(nothing)}, nothing.data()), in.recurrent_bias};
    recurrent_bias = concatenate<double>(parts, Axis::rows);
  }
  V state = in.first;
  std::vector<V> states;
  for (std::int64_t t = 0; t < kPositions; ++t) {
    const V h = slice(state, Axis::rows, 0, kWidth);
    state = cell().step(slice(of_x, Axis::columns, t, 1), affine(h, in.recurrent, recurrent_bias), state, kWidth);
    states.push_back(state);
  }
  const V simple = concatenate<double>(states, Axis::columns);

  ASSERT_EQ(fused.shape(), simple.shape());
  std::vector<double> d_y;
  for (std::int64_t i = 0; i < fused.shape().size(); ++i) {
    ASSERT_NEAR(fused.data()[i], simple.data()[i], 1e-12);
    d_y.push_back(RandomStream(7, Purpose::test).normal(static_cast<std::uint32_t>(i)));
  }
  fused_tape.backward(fused, d_y.data());
  tape.backward(simple, d_y.data());
  for (std::size_t i = 0; i < specs.size(); ++i) {
    for (std::int64_t at = 0; at < specs[i].shape.size(); ++at) {
      const double expected = tape.gradient(simple_inputs[i])[at];
      ASSERT_NEAR(fused_tape.gradient(fused_inputs[i])[at], expected, 1e-10 * (1 + std::abs(expected)))
          << specs[i].name << " " << at;
    }
  }
}

TEST_P(Cells, ASequenceIsReadInPiecesAsItIsReadAtOnce) {
  constexpr std::int64_t kPositions = 23, kSlices = 2;
  Tape<double> tape;
  const auto x = inputs(tape, cell_shapes(cell().sizes, 3, 4, kPositions, kSlices, {}));
  CellInputs<double> in = cell_inputs(x, cell().sizes, {});
  const V whole = cell().call(in, {});
  const V all = in.x;
  std::vector<V> pieces;
  std::int64_t first = 0;
  for (const std::int64_t count : {1, 2, 13, 7}) {
    in.x = slice(all, Axis::columns, first, count);
    pieces.push_back(cell().call(in, {}));
    in.first = slice(pieces.back(), Axis::columns, count - 1, 1);
    first += count;
  }
  ASSERT_EQ(first, kPositions);
  const V joined = concatenate<double>(pieces, Axis::columns);
  for (std::int64_t i = 0; i < whole.shape().size(); ++i) ASSERT_NEAR(joined.data()[i], whole.data()[i], 1e-14);
}

// Not even what is no number.
TEST_P(Cells, PaddingPlaysNoPartFromEitherEnd) {
  static constexpr std::int32_t kLengths[] = {3, 5, 0};
  for (const bool backwards : {false, true}) {
    Tape<double> tape;
    auto specs = cell_shapes(cell().sizes, 2, 3, 5, 3, {});
    auto x = inputs(tape, specs);
    std::vector<double> rubbish(x[0].data(), x[0].data() + x[0].shape().size());
    for (std::int64_t b = 0; b < 3; ++b) {
      for (std::int64_t t = kLengths[b]; t < 5; ++t) {
        for (std::int64_t c = 0; c < 2; ++c) {
          rubbish[static_cast<std::size_t>(c + 2 * (t + 5 * b))] = std::numeric_limits<double>::quiet_NaN();
        }
      }
    }
    const CellOptions options{.lengths = kLengths, .backwards = backwards};
    const V clean = cell().call(cell_inputs(x, cell().sizes, {}), options);
    auto padded = x;
    padded[0] = tape.input(x[0].shape(), rubbish.data());
    const V y = cell().call(cell_inputs(padded, cell().sizes, {}), options);
    std::vector<double> d_y(static_cast<std::size_t>(y.shape().size()), 1.0);
    for (std::int64_t i = 0; i < y.shape().size(); ++i) {
      const auto [row, t, b] = y.shape().index(i);
      ASSERT_EQ(y.data()[i], clean.data()[i]);
      ASSERT_EQ(y.data()[i] == 0, t >= kLengths[b]) << t << " " << b;
      if (t >= kLengths[b]) d_y[static_cast<std::size_t>(i)] = std::numeric_limits<double>::quiet_NaN();
    }
    tape.backward(y, d_y.data());
    for (const V& each : padded) {
      for (std::int64_t i = 0; i < each.shape().size(); ++i) ASSERT_TRUE(std::isfinite(tape.gradient(each)[i]));
    }
    for (std::int64_t i = 0; i < x[0].shape().size(); ++i) {
      const auto [row, t, b] = x[0].shape().index(i);
      ASSERT_EQ(tape.gradient(padded[0])[i] == 0, t >= kLengths[b]);
    }
  }
}

// No position hears of one that is read later, and no slice of another: exact zeros in the gradient.
TEST_P(Cells, APositionDependsOnNoneThatIsReadLater) {
  constexpr std::int64_t kAsked = 4;
  for (const bool backwards : {false, true}) {
    Tape<double> tape;
    const auto x = inputs(tape, cell_shapes(cell().sizes, 2, 3, 9, 2, {}));
    const V y = cell().call(cell_inputs(x, cell().sizes, {}), {.backwards = backwards});
    std::vector<double> d_y(static_cast<std::size_t>(y.shape().size()));
    for (std::int64_t i = 0; i < y.shape().rows; ++i) {
      d_y[static_cast<std::size_t>(y.shape().offset({i, kAsked, 0}))] = 1;
    }
    tape.backward(y, d_y.data());
    for (std::int64_t i = 0; i < x[0].shape().size(); ++i) {
      const auto [row, t, b] = x[0].shape().index(i);
      const bool later = backwards ? t < kAsked : t > kAsked;
      ASSERT_EQ(tape.gradient(x[0])[i] == 0, later || b == 1) << row << " " << t;
    }
  }
}

TEST_P(Cells, SumsOfAnySizeGiveNumbers) {
  for (const double size : {1e2, 1e10, 1e150}) {
    Tape<double> tape;
    const auto x = inputs(tape, cell_shapes(cell().sizes, 3, 4, 6, 2, {}), size);
    const V y = cell().call(cell_inputs(x, cell().sizes, {.first = false}), {});
    std::vector<double> d_y(static_cast<std::size_t>(y.shape().size()), 1.0);
    tape.backward(y, d_y.data());
    for (std::int64_t i = 0; i < y.shape().size(); ++i) ASSERT_TRUE(std::isfinite(y.data()[i])) << size;
    for (std::size_t i = 0; i + 1 < x.size(); ++i) {
      for (std::int64_t at = 0; at < x[i].shape().size(); ++at) {
        ASSERT_TRUE(std::isfinite(tape.gradient(x[i])[at])) << size << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace tapehead
