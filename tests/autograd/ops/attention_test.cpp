#include "autograd/ops/attention.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "autograd/masks/causal.hpp"
#include "autograd/masks/lengths.hpp"
#include "autograd/masks/window.hpp"
#include "autograd/parallel.hpp"

namespace tapehead {
namespace {

// Sizes of one head-by-head computation, and plain loops in long double that share nothing with the op.
struct Sizes {
  std::int64_t heads = 1, width = 1, value_width = 1, keys = 1, queries = 1, slices = 1, group = 1;
};

// What becomes of a score, and what stands beside the scores.
struct Shaping {
  double cap = 0;
  std::vector<double> line = {}, sink = {};  // (distances, heads), (heads)
  std::int64_t least = 0;
  const std::int32_t* first = nullptr;
};

struct Expected {
  std::vector<double> context, weights;
};

Expected by_plain_loops(const Sizes& n, const std::vector<double>& q, const std::vector<double>& k,
                        const std::vector<double>& v, double scale, const Mask& mask, const Shaping& shaping = {}) {
  Expected out;
  const std::int64_t key_heads = n.heads / n.group;
  const std::int64_t distances = static_cast<std::int64_t>(shaping.line.size()) / n.heads;
  out.context.resize(static_cast<std::size_t>(n.heads * n.value_width * n.queries * n.slices));
  out.weights.resize(static_cast<std::size_t>(n.keys * n.queries * n.heads * n.slices));
  const auto at = [](std::int64_t i) { return static_cast<std::size_t>(i); };
  for (std::int64_t b = 0; b < n.slices; ++b) {
    for (std::int64_t h = 0; h < n.heads; ++h) {
      for (std::int64_t i = 0; i < n.queries; ++i) {
        std::vector<long double> e(at(n.keys), 0);
        long double total = shaping.sink.empty() ? 0 : std::exp(static_cast<long double>(shaping.sink[at(h)]));
        const std::int64_t position = i + (shaping.first != nullptr ? shaping.first[b] : 0);
        bool any = false;
        for (std::int64_t j = 0; j < n.keys; ++j) {
          if (!mask.allows({b, h, n.keys}, i, j)) continue;
          long double score = 0;
          for (std::int64_t c = 0; c < n.width; ++c) {
            score += static_cast<long double>(q[at(h * n.width + c + n.heads * n.width * (i + n.queries * b))]) *
                     k[at(h / n.group * n.width + c + key_heads * n.width * (j + n.keys * b))];
          }
          score *= scale;
          if (shaping.cap > 0) score = shaping.cap * std::tanh(score / shaping.cap);
          if (distances > 0) score += shaping.line[at(j - position - shaping.least + distances * h)];
          any = true;
          e[at(j)] = std::exp(score);
          total += e[at(j)];
        }
        for (std::int64_t j = 0; j < n.keys; ++j) {
          const long double weight = any ? e[at(j)] / total : 0;
          out.weights[at(j + n.keys * (i + n.queries * (h + n.heads * b)))] = static_cast<double>(weight);
          for (std::int64_t c = 0; c < n.value_width; ++c) {
            const std::int64_t row = h * n.value_width + c;
            const std::int64_t from = h / n.group * n.value_width + c;
            out.context[at(row + n.heads * n.value_width * (i + n.queries * b))] +=
                static_cast<double>(weight * v[at(from + key_heads * n.value_width * (j + n.keys * b))]);
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

// Heads that share keys, a cap, a line and a sink, each alone and together, over several tiles and in the whole.
TEST(Attention, SharedKeysCapLineAndSinkAgreeWithPlainLoops) {
  const Sizes n{.heads = 4, .width = 3, .value_width = 2, .keys = 150, .queries = 70, .slices = 2, .group = 2};
  static constexpr std::int32_t kFirst[] = {80, 3};
  const auto q = random_values(n.heads * n.width * n.queries * n.slices, 1);
  const auto k = random_values(n.heads / n.group * n.width * n.keys * n.slices, 2);
  const auto v = random_values(n.heads / n.group * n.value_width * n.keys * n.slices, 3);
  const std::int64_t distances = n.keys + n.queries - 1 + 80;
  const auto line = random_values(distances * n.heads, 4);
  const auto sink = random_values(n.heads, 5);
  const std::int64_t least = -(n.queries - 1 + 80);
  const std::vector<double> zero(4, 0);
  const Shaping all{.cap = 0.8, .line = line, .sink = sink, .least = least, .first = kFirst};
  const std::vector<Shaping> shapings{{},
                                      {.cap = 0.8},
                                      {.line = line, .least = least, .first = kFirst},
                                      {.line = line, .least = least},
                                      {.sink = sink},
                                      {.sink = zero},
                                      all};
  for (const Mask& mask : {Mask::everything(), Causal{.offset = 80} & Window{.left = 30, .offset = 60}}) {
    for (const Shaping& shaping : shapings) {
      Tape<double> tape;
      using Block = RowBlock<double>;
      ScoreTerms<double> terms{.least = shaping.least, .first = shaping.first};
      if (!shaping.line.empty()) terms.line = tape.constant({distances, n.heads}, shaping.line.data());
      const bool zero_sink = shaping.sink == zero;
      if (!shaping.sink.empty() && !zero_sink) terms.sink = tape.constant({n.heads}, shaping.sink.data());
      const auto found =
          attention(Block::all(tape.constant({n.heads * n.width, n.queries, n.slices}, q.data())),
                    Block::all(tape.constant({n.heads / n.group * n.width, n.keys, n.slices}, k.data())),
                    Block::all(tape.constant({n.heads / n.group * n.value_width, n.keys, n.slices}, v.data())),
                    {.heads = n.heads,
                     .key_heads = n.heads / n.group,
                     .scale = 0.7,
                     .cap = shaping.cap,
                     .mask = mask,
                     .zero_sink = zero_sink},
                    terms);
      const Expected expected = by_plain_loops(n, q, k, v, 0.7, mask, shaping);
      for (std::size_t i = 0; i < expected.context.size(); ++i) {
        ASSERT_NEAR(found.context.data()[i], expected.context[i], 1e-13);
      }
    }
  }
}

// Whoever does the work, the bits are the same: query heads that share keys never add at the same time.
TEST(Attention, SharedKeysGetTheSameGradientFromAnyNumberOfWorkers) {
  const Sizes n{.heads = 8, .width = 4, .value_width = 4, .keys = 200, .queries = 200, .slices = 2, .group = 4};
  const auto gradients_with = [&](int count) {
    WorkerPool workers(count);
    Tape<double> tape;
    tape.set_workers(&workers);
    using Block = RowBlock<double>;
    const std::int64_t shared = n.heads / n.group * n.width;
    const auto q = tape.input({n.heads * n.width, n.queries, n.slices},
                              random_values(n.heads * n.width * n.queries * n.slices, 1).data());
    const auto k = tape.input({shared, n.keys, n.slices}, random_values(shared * n.keys * n.slices, 2).data());
    const auto line = tape.input({399, n.heads}, random_values(399 * n.heads, 4).data());
    const auto sink = tape.input({n.heads}, random_values(n.heads, 5).data());
    const auto context = attention(Block::all(q), Block::all(k), Block::all(k),
                                   {.heads = n.heads, .key_heads = n.heads / n.group, .cap = 3, .mask = Mask::causal()},
                                   ScoreTerms<double>{.line = line, .least = -199, .sink = sink})
                             .context;
    tape.backward(context, random_values(context.shape().size(), 6).data());
    std::vector<double> found;
    for (const auto& x : {q, k, line, sink}) {
      found.insert(found.end(), tape.gradient(x), tape.gradient(x) + x.shape().size());
    }
    return found;
  };
  const std::vector<double> alone = gradients_with(1);
  EXPECT_EQ(gradients_with(2), alone);
  EXPECT_EQ(gradients_with(3), alone);
}

// Weights are what plain loops say, whoever makes them, and asking for them changes no bit of the context.
TEST(Attention, WeightsOfTilesAreSeenWithoutChangingTheContext) {
  const Sizes n{.heads = 2, .width = 3, .value_width = 2, .keys = 150, .queries = 150, .slices = 2};
  const auto q = random_values(n.heads * n.width * n.queries * n.slices, 1);
  const auto v = random_values(n.heads * n.value_width * n.keys * n.slices, 3);
  static constexpr std::int32_t kMost[] = {140, 0};
  for (const Mask& mask : {Mask::everything(), Mask::causal(), Mask(Lengths{kMost}), Mask(Window{.left = 3})}) {
    Tape<double> tape;
    using Block = RowBlock<double>;
    const auto x = Block::all(tape.constant({n.heads * n.width, n.queries, n.slices}, q.data()));
    const auto y = Block::all(tape.constant({n.heads * n.value_width, n.keys, n.slices}, v.data()));
    AttentionOptions options{.heads = n.heads, .scale = 0.7, .mask = mask, .kernel = AttentionKernel::tiled};
    const auto without = attention(x, x, y, options);
    EXPECT_EQ(without.weights, nullptr);
    options.weights = true;
    const auto with = attention(x, x, y, options);
    const Expected expected = by_plain_loops(n, q, q, v, 0.7, mask);
    for (std::size_t i = 0; i < expected.weights.size(); ++i) {
      ASSERT_NEAR(with.weights[i], expected.weights[i], 1e-14);
    }
    EXPECT_TRUE(std::equal(without.context.data(), without.context.data() + without.context.shape().size(),
                           with.context.data()));
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
