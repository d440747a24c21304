#include "autograd/ops/attention.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "autograd/masks/causal.hpp"
#include "autograd/masks/lengths.hpp"
#include "autograd/masks/window.hpp"

namespace tapehead {
namespace {

// Sizes of one head-by-head computation, and plain loops in long double that share nothing with the op.
struct Sizes {
  std::int64_t heads = 1, width = 1, value_width = 1, keys = 1, queries = 1, slices = 1;
};

struct Expected {
  std::vector<double> context, weights;
};

Expected by_plain_loops(const Sizes& n, const std::vector<double>& q, const std::vector<double>& k,
                        const std::vector<double>& v, double scale, const Mask& mask) {
  Expected out;
  out.context.resize(static_cast<std::size_t>(n.heads * n.value_width * n.queries * n.slices));
  out.weights.resize(static_cast<std::size_t>(n.keys * n.queries * n.heads * n.slices));
  const auto at = [](std::int64_t i) { return static_cast<std::size_t>(i); };
  for (std::int64_t b = 0; b < n.slices; ++b) {
    for (std::int64_t h = 0; h < n.heads; ++h) {
      for (std::int64_t i = 0; i < n.queries; ++i) {
        std::vector<long double> e(at(n.keys), 0);
        long double total = 0;
        for (std::int64_t j = 0; j < n.keys; ++j) {
          if (!mask.allows({b, h, n.keys}, i, j)) continue;
          long double score = 0;
          for (std::int64_t c = 0; c < n.width; ++c) {
            score += static_cast<long double>(q[at(h * n.width + c + n.heads * n.width * (i + n.queries * b))]) *
                     k[at(h * n.width + c + n.heads * n.width * (j + n.keys * b))];
          }
          e[at(j)] = std::exp(score * scale);
          total += e[at(j)];
        }
        for (std::int64_t j = 0; j < n.keys; ++j) {
          const long double weight = total > 0 ? e[at(j)] / total : 0;
          out.weights[at(j + n.keys * (i + n.queries * (h + n.heads * b)))] = static_cast<double>(weight);
          for (std::int64_t c = 0; c < n.value_width; ++c) {
            const std::int64_t row = h * n.value_width + c;
            out.context[at(row + n.heads * n.value_width * (i + n.queries * b))] +=
                static_cast<double>(weight * v[at(row + n.heads * n.value_width * (j + n.keys * b))]);
          }
        }
      }
    }
  }
  return out;
}

std::vector<double> random_values(std::int64_t size, std::uint32_t which) {
  const RandomStream random(4, Purpose::test, which);
  std::vector<double> values(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = random.normal(static_cast<std::uint32_t>(i));
  return values;
}

constexpr std::int32_t kLengths[] = {6, 0, 3};
constexpr std::int32_t kOtherLengths[] = {1, 2, 0};

TEST(Attention, AgreesWithPlainLoops) {
  for (const Sizes n :
       {Sizes{1, 1, 1, 1, 1, 1}, Sizes{2, 3, 5, 6, 4, 3}, Sizes{4, 8, 8, 6, 6, 3}, Sizes{3, 17, 9, 6, 2, 3}}) {
    const auto q = random_values(n.heads * n.width * n.queries * n.slices, 1);
    const auto k = random_values(n.heads * n.width * n.keys * n.slices, 2);
    const auto v = random_values(n.heads * n.value_width * n.keys * n.slices, 3);
    for (const Mask& mask :
         {Mask::everything(), Mask::causal(), Mask(Lengths{kLengths}), Causal{.offset = 1} & Lengths{kLengths},
          Mask(Window{.left = 1, .right = 2, .offset = 1}), Window{} | Lengths{kOtherLengths}}) {
      Tape<double> tape;
      const auto query = tape.constant({n.heads * n.width, n.queries, n.slices}, q.data());
      const auto key = tape.constant({n.heads * n.width, n.keys, n.slices}, k.data());
      const auto value = tape.constant({n.heads * n.value_width, n.keys, n.slices}, v.data());
      using Block = RowBlock<double>;
      const auto found = attention(Block::all(query), Block::all(key), Block::all(value),
                                   {.heads = n.heads, .scale = 0.7, .mask = mask});
      const Expected expected = by_plain_loops(n, q, k, v, 0.7, mask);
      for (std::size_t i = 0; i < expected.weights.size(); ++i)
        ASSERT_NEAR(found.weights[i], expected.weights[i], 1e-14);
      for (std::size_t i = 0; i < expected.context.size(); ++i) {
        ASSERT_NEAR(found.context.data()[i], expected.context[i], 1e-13);
      }
    }
  }
}

// A query that may attend nothing: zeros, and gradients of zero, never NaN, for it and for everybody else.
TEST(Attention, FullyMaskedRowIsZeroAndPassesNoGradient) {
  Tape<double> tape;
  const auto q = tape.input({4, 2, 3}, random_values(24, 1).data());
  const auto k = tape.input({4, 6, 3}, random_values(72, 2).data());
  const auto v = tape.input({4, 6, 3}, random_values(72, 3).data());
  using Block = RowBlock<double>;
  const auto found =
      attention(Block::all(q), Block::all(k), Block::all(v), {.heads = 2, .scale = 1, .mask = Lengths{kLengths}});
  for (int i = 8; i < 16; ++i) EXPECT_EQ(found.context.data()[i], 0) << i;
  tape.backward(found.context, random_values(24, 4).data());
  for (const auto& x : {q, k, v}) {
    const std::int64_t slice = x.shape().rows * x.shape().columns;
    for (std::int64_t i = 0; i < x.shape().size(); ++i) {
      ASSERT_TRUE(std::isfinite(tape.gradient(x)[i]));
      if (i / slice == 1) {
        ASSERT_EQ(tape.gradient(x)[i], 0);
      }
    }
  }
  // Keys past their slice's length get exactly nothing.
  for (int i = 2 * 24 + 3 * 4; i < 72; ++i) EXPECT_EQ(tape.gradient(k)[i], 0) << i;
}

// What the mask hides may hold anything, even infinities and NaN.
TEST(Attention, MaskSelectsAndNeverMultiplies) {
  auto keys = random_values(72, 2);
  auto values = random_values(72, 3);
  for (int i = 2 * 24 + 3 * 4; i < 72; ++i)
    keys[static_cast<std::size_t>(i)] = values[static_cast<std::size_t>(i)] = NAN;
  Tape<double> tape;
  const auto q = tape.input({4, 2, 3}, random_values(24, 1).data());
  const auto k = tape.input({4, 6, 3}, keys.data());
  const auto v = tape.input({4, 6, 3}, values.data());
  using Block = RowBlock<double>;
  const auto found =
      attention(Block::all(q), Block::all(k), Block::all(v), {.heads = 2, .scale = 1, .mask = Lengths{kLengths}});
  tape.backward(found.context, random_values(24, 4).data());
  for (int i = 0; i < 24; ++i) ASSERT_TRUE(std::isfinite(found.context.data()[i]));
  for (int i = 0; i < 24; ++i) ASSERT_TRUE(std::isfinite(tape.gradient(q)[i]));
  for (int i = 0; i < 72; ++i) ASSERT_TRUE(std::isfinite(tape.gradient(v)[i]));
}

TEST(Attention, LogitsOfTenThousandDoNotOverflow) {
  Tape<float> tape;
  const float q[] = {1e4F};
  const float k[] = {1, -1, 0.5F};
  const auto query = tape.constant({1, 1}, q);
  const auto key = tape.constant({1, 3}, k);
  using Block = RowBlock<float>;
  const auto found = attention(Block::all(query), Block::all(key), Block::all(key), {.scale = 1});
  EXPECT_EQ(found.context.item(), 1);
}

TEST(Attention, DropoutIsDecidedByCoordinatesAndWeightsAreReportedWhole) {
  const RandomStream random(3, Purpose::dropout);
  const auto q = random_values(80, 1);
  const auto run = [&](std::int64_t first, std::int64_t count) {
    Tape<double> tape;
    const auto x = tape.constant({4, 5, count}, q.data() + 20 * first);
    using Block = RowBlock<double>;
    const auto found = attention(Block::all(x), Block::all(x), Block::all(x),
                                 {.heads = 2, .scale = 1, .dropout = 0.5, .random = &random, .first_example = first});
    for (std::int64_t column = 0; column < 10 * count; ++column) {
      double sum = 0;
      for (int k = 0; k < 5; ++k) sum += found.weights[column * 5 + k];
      EXPECT_NEAR(sum, 1, 1e-14);
    }
    return std::vector<double>(found.context.data(), found.context.data() + 20 * count);
  };
  const auto whole = run(0, 4);
  const auto second_half = run(2, 2);
  for (std::size_t i = 0; i < 40; ++i) ASSERT_EQ(second_half[i], whole[40 + i]);
}

}  // namespace
}  // namespace tapehead
