// What ops over a sequence promise beyond their specs: a sequence may be read in pieces, padding plays no part, and no
// gate, key or feature, however extreme, makes anything but numbers.

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "autograd/base/random.hpp"
#include "autograd/ops/causal_linear_attention.hpp"
#include "autograd/ops/cumulative_mean.hpp"
#include "autograd/ops/delta_rule.hpp"
#include "autograd/ops/gated_linear_attention.hpp"
#include "autograd/ops/linear_attention.hpp"
#include "autograd/ops/retention.hpp"

namespace tapehead {
namespace {

using Block = RowBlock<double>;

// Two heads of three channels and two values, of two examples.
constexpr std::int64_t kHeads = 2, kWidth = 3, kValueWidth = 2, kExamples = 2;

struct Recurrence {
  std::string name;
  std::int64_t gates;  // of a head
  std::int64_t state;  // numbers of a head
  std::function<Var<double>(const std::vector<Var<double>>&, const RecurrenceOptions&, double*)> call;
};

const std::vector<Recurrence>& recurrences() {
  static const std::vector<Recurrence> all{
      {"causal_linear_attention", 0, (kValueWidth + 1) * kWidth,
       [](const auto& x, const auto& o, double* state) {
         return causal_linear_attention(Block::all(x[0]), Block::all(x[1]), Block::all(x[2]), o, state);
       }},
      {"retention", 0, kValueWidth * kWidth,
       [](const auto& x, const auto& o, double* state) {
         return retention(Block::all(x[0]), Block::all(x[1]), Block::all(x[2]), 0.8, o, state);
       }},
      {"gated_linear_attention", kWidth, kValueWidth * kWidth,
       [](const auto& x, const auto& o, double* state) {
         return gated_linear_attention(Block::all(x[0]), Block::all(x[1]), Block::all(x[2]), Block::all(x[3]), 0.8, o,
                                       state);
       }},
      {"delta_rule", 1, kValueWidth * kWidth,
       [](const auto& x, const auto& o, double* state) {
         return delta_rule(Block::all(x[0]), Block::all(x[1]), Block::all(x[2]), Block::all(x[3]), o, state);
       }},
      {"cumulative_mean", 0, kValueWidth + 1,
       [](const auto& x, const auto& o, double* state) { return cumulative_mean(x[2], o, false, state); }},
  };
  return all;
}

class RecurrentOps : public testing::TestWithParam<Recurrence> {
 protected:
  const Recurrence& op() const { return GetParam(); }
  std::vector<std::int64_t> rows() const {
    std::vector<std::int64_t> rows{kHeads * kWidth, kHeads * kWidth, kHeads * kValueWidth};
    if (op().gates > 0) rows.push_back(kHeads * op().gates);
    return rows;
  }
  // Positions [first, first + count) of inputs that are the same for every count; past `length`, rubbish.
  std::vector<Var<double>> inputs(Tape<double>& tape, std::int64_t first, std::int64_t count,
                                  std::int64_t length = 1000) const {
    std::vector<Var<double>> x;
    for (const std::int64_t r : rows()) {
      const RandomStream random(4, Purpose::test, x.size());
      std::vector<double> values;
      for (std::int64_t b = 0; b < kExamples; ++b) {
        for (std::int64_t t = first; t < first + count; ++t) {
          for (std::int64_t i = 0; i < r; ++i) {
            const auto at = static_cast<std::uint32_t>(i + r * t);
            values.push_back(t < length ? random.normal(at, static_cast<std::uint32_t>(b)) : 1e30);
          }
        }
      }
      x.push_back(tape.input({r, count, kExamples}, values.data()));
    }
    return x;
  }
};
INSTANTIATE_TEST_SUITE_P(, RecurrentOps, testing::ValuesIn(recurrences()),
                         [](const auto& at) { return at.param.name; });

TEST_P(RecurrentOps, ASequenceIsReadInPiecesAsItIsReadAtOnce) {
  constexpr std::int64_t kPositions = 75;  // several chunks, of every op
  Tape<double> tape;
  const Var<double> whole = op().call(inputs(tape, 0, kPositions), {.heads = kHeads}, nullptr);
  std::vector<double> state(static_cast<std::size_t>(kExamples * kHeads * op().state));
  std::int64_t first = 0;
  for (const std::int64_t count : {1, 2, 33, 0, 16, 23}) {
    const Var<double> part = op().call(inputs(tape, first, count), {.heads = kHeads}, state.data());
    const std::int64_t r = kHeads * kValueWidth;
    for (std::int64_t i = 0; i < r * count * kExamples; ++i) {
      const auto [row, t, b] = part.shape().index(i);
      ASSERT_NEAR(part.data()[i], whole.data()[whole.shape().offset({row, first + t, b})], 1e-12)
          << "position " << first + t;
    }
    first += count;
  }
  EXPECT_EQ(first, kPositions);
}

TEST_P(RecurrentOps, PaddingPlaysNoPartFromEitherEnd) {
  static constexpr std::int32_t kLengths[] = {20, 20};
  for (const bool backwards : {false, true}) {
    Tape<double> tape;
    const auto short_inputs = inputs(tape, 0, 20);
    const auto padded_inputs = inputs(tape, 0, 40, 20);
    const Var<double> alone = op().call(short_inputs, {.heads = kHeads, .backwards = backwards}, nullptr);
    const Var<double> padded =
        op().call(padded_inputs, {.heads = kHeads, .lengths = kLengths, .backwards = backwards}, nullptr);
    for (std::int64_t i = 0; i < padded.shape().size(); ++i) {
      const auto [row, t, b] = padded.shape().index(i);
      ASSERT_EQ(padded.data()[i], t < 20 ? alone.data()[alone.shape().offset({row, t, b})] : 0) << t;
    }
    std::vector<double> d_y(static_cast<std::size_t>(padded.shape().size()), 1.0);
    tape.backward(padded, d_y.data());
    for (const Var<double>& x : padded_inputs) {
      if (op().name == "cumulative_mean" && x.index() != padded_inputs[2].index()) continue;  // it reads no other
      for (std::int64_t i = 0; i < x.shape().size(); ++i) {
        ASSERT_TRUE(std::isfinite(tape.gradient(x)[i]));
        ASSERT_TRUE(x.shape().index(i).column < 20 || tape.gradient(x)[i] == 0);
      }
    }
  }
}

// No position hears of one behind it, and all hear of those before: exact zeros in the gradient.
TEST_P(RecurrentOps, APositionDependsOnNoneThatIsReadLater) {
  constexpr std::int64_t kPositions = 40, kAsked = 17;
  for (const bool backwards : {false, true}) {
    Tape<double> tape;
    const auto x = inputs(tape, 0, kPositions);
    const Var<double> y = op().call(x, {.heads = kHeads, .backwards = backwards}, nullptr);
    std::vector<double> d_y(static_cast<std::size_t>(y.shape().size()));
    for (std::int64_t i = 0; i < kHeads * kValueWidth; ++i) {
      d_y[static_cast<std::size_t>(y.shape().offset({i, kAsked, 0}))] = 1;
    }
    tape.backward(y, d_y.data());
    const Var<double>& values = x[2];
    for (std::int64_t i = 0; i < values.shape().size(); ++i) {
      const auto [row, t, b] = values.shape().index(i);
      const bool later = backwards ? t < kAsked : t > kAsked;
      ASSERT_EQ(tape.gradient(values)[i] == 0, later || b == 1) << row << " " << t;
    }
  }
}

// Eight times as long: about eight times the memory, where maps of pairs would take sixty-four times.
TEST_P(RecurrentOps, MemoryGrowsWithTheLength) {
  const auto memory = [&](std::int64_t positions) {
    Tape<double> tape;
    const Var<double> y = op().call(inputs(tape, 0, positions), {.heads = kHeads}, nullptr);
    const std::vector<double> d_y(static_cast<std::size_t>(y.shape().size()), 1.0);
    tape.backward(y, d_y.data());
    return static_cast<double>(tape.memory());
  };
  EXPECT_LE(memory(8 * 2048), 16 * memory(2048));
}

TEST(RecurrentOpsAtTheEdge, SaturatedGatesKeepOrForgetEverything) {
  // One channel, of which gates keep all or nothing: o_t = Σ v since the last gate that forgot.
  const std::vector<double> ones(40, 1.0), values = [] {
    std::vector<double> v(40);
    std::iota(v.begin(), v.end(), 1.0);
    return v;
  }();
  for (const double extreme : {40.0, 1e3, 1e300}) {
    std::vector<double> gates(40, extreme);
    gates[0] = gates[20] = gates[35] = -extreme;
    Tape<double> tape;
    const Var<double> q = tape.input({1, 40}, ones.data()), v = tape.input({1, 40}, values.data());
    const Var<double> g = tape.input({1, 40}, gates.data());
    const Var<double> y = gated_linear_attention(Block::all(q), Block::all(q), Block::all(v), Block::all(g), 1.0, {});
    double sum = 0;
    for (std::size_t t = 0; t < 40; ++t) {
      sum = gates[t] < 0 ? values[t] : sum + values[t];
      ASSERT_NEAR(y.data()[t], sum, 1e-10 * sum) << t;
    }
    tape.backward(y, ones.data());
    for (const Var<double>& x : {q, v, g}) {
      for (std::size_t i = 0; i < 40; ++i) ASSERT_TRUE(std::isfinite(tape.gradient(x)[i]));
    }
  }
}

// Share β = 1: a key recalls the last value that was written under it, whatever its length was.
TEST(RecurrentOpsAtTheEdge, TheDeltaRuleRecallsWhatWasWrittenLast) {
  const std::vector<double> keys{3, 0, 0, 1e-3, 1e5, 0, 0, 7};  // e₀ e₁ e₀ e₁
  const std::vector<double> queries{1, 0, 1, 0, 1, 0, 0, 1}, values{10, 20, 30, 40}, gates(4, 1e3);
  Tape<double> tape;
  const Var<double> y =
      delta_rule(Block::all(tape.constant({2, 4}, queries.data())), Block::all(tape.constant({2, 4}, keys.data())),
                 Block::all(tape.constant({1, 4}, values.data())), Block::all(tape.constant({1, 4}, gates.data())), {});
  const std::vector<double> expected{10, 10, 30, 40};
  for (std::size_t t = 0; t < 4; ++t) EXPECT_NEAR(y.data()[t], expected[t], 1e-4) << t;
}

// exp underflows in every feature of the key: nothing to attend to, so zeros and no gradient; no NaN.
TEST(RecurrentOpsAtTheEdge, FeaturesThatUnderflowGiveZeros) {
  const std::vector<double> few{-1e4, -1e4, -1e4, -1e4}, values{1, 2, 3, 4}, ones(4, 1.0);
  Tape<double> tape;
  const Var<double> k = tape.input({1, 4}, few.data()), v = tape.input({1, 4}, values.data());
  const Var<double> causal = causal_linear_attention(Block::all(k), Block::all(k), Block::all(v), {});
  const Var<double> all = linear_attention(Block::all(k), Block::all(k), Block::all(v), 1);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(causal.data()[i], 0);
    EXPECT_EQ(all.data()[i], 0);
  }
  tape.backward(causal, ones.data());
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(tape.gradient(k)[i], 0);
}

}  // namespace
}  // namespace tapehead
