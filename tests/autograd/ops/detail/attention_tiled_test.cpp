// Tiles against whole maps, which plain loops judge: values and gradients, any number of workers, memory.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "autograd/masks/causal.hpp"
#include "autograd/masks/lengths.hpp"
#include "autograd/masks/window.hpp"
#include "autograd/ops/attention.hpp"
#include "autograd/parallel.hpp"

namespace tapehead {
namespace {

template <Scalar T>
std::vector<T> numbers(std::int64_t size, std::uint32_t which) {
  const RandomStream random(8, Purpose::test, which);
  std::vector<T> values(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<T>(random.normal(static_cast<std::uint32_t>(i)));
  return values;
}

struct Case {
  std::int64_t heads = 1, width = 4, queries = 1, keys = 1, slices = 1;
};

// The context, then the gradients of query, key and value.
template <Scalar T>
std::vector<T> attend(const Case& n, AttentionOptions options, WorkerPool* workers = nullptr) {
  const std::int64_t rows = n.heads * n.width;
  const Shape shapes[] = {{rows, n.queries, n.slices}, {rows, n.keys, n.slices}, {rows, n.keys, n.slices}};
  options.heads = n.heads;
  options.scale = 0.6;
  Tape<T> tape;
  tape.set_workers(workers);
  std::vector<Var<T>> x;
  for (std::uint32_t i = 0; i < 3; ++i) x.push_back(tape.input(shapes[i], numbers<T>(shapes[i].size(), i).data()));
  using Block = RowBlock<T>;
  const Var<T> y = attention(Block::all(x[0]), Block::all(x[1]), Block::all(x[2]), options).context;
  std::vector<T> found(y.data(), y.data() + y.shape().size());
  tape.backward(y, numbers<T>(y.shape().size(), 3).data());
  for (const Var<T>& input : x)
    found.insert(found.end(), tape.gradient(input), tape.gradient(input) + input.shape().size());
  return found;
}

template <class T>
class TiledAttention : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(TiledAttention, Reals);

TYPED_TEST(TiledAttention, IsWholeAttentionAroundEverySizeOfATile) {
  using T = TypeParam;
  static constexpr std::int32_t kLengths[] = {300, 0, 129};
  static constexpr std::int32_t kFirst[] = {3, 0, 140};
  static const RandomStream random(2, Purpose::dropout);
  const Mask masks[] = {{},
                        Causal{},
                        Lengths{kLengths},
                        Causal{} & Lengths{kLengths},
                        Causal{.offset = 70},
                        Causal{.offset = -5},
                        Window{.left = 30, .right = 3},
                        Window{.left = 140, .offset = 60} & Lengths{kLengths},
                        (Window{.left = 2} | Lengths{kFirst}) & Causal{}};
  for (const Case& n :
       {Case{2, 4, 63, 127, 3}, Case{1, 16, 64, 128, 3}, Case{2, 5, 65, 129, 3}, Case{1, 3, 200, 300, 3}}) {
    for (const Mask& mask : masks) {
      for (const double dropout : {0.0, 0.3}) {
        AttentionOptions options{.mask = mask, .dropout = dropout, .random = &random, .first_example = 5};
        options.kernel = AttentionKernel::whole;
        const std::vector<T> whole = attend<T>(n, options);
        options.kernel = AttentionKernel::tiled;
        const std::vector<T> tiled = attend<T>(n, options);
        const double tolerance = 300 * static_cast<double>(std::numeric_limits<T>::epsilon());
        for (std::size_t i = 0; i < whole.size(); ++i) {
          ASSERT_NEAR(tiled[i], whole[i], tolerance * (1 + std::abs(static_cast<double>(whole[i]))))
              << n.keys << " " << i;
        }
      }
    }
  }
}

TYPED_TEST(TiledAttention, IsTheSameBitsWithAnyNumberOfWorkers) {
  using T = TypeParam;
  const AttentionOptions options{.mask = Causal{}, .kernel = AttentionKernel::tiled};
  const Case n{3, 8, 300, 300, 2};
  const std::vector<T> alone = attend<T>(n, options);
  for (const int workers : {1, 2, 3}) {
    WorkerPool pool(workers);
    ASSERT_EQ(attend<T>(n, options, &pool), alone) << workers;
  }
}

TEST(TiledAttentionMemory, GrowsLinearly) {
  const auto memory = [](std::int64_t length) {
    Tape<float> tape;
    for (int i = 0; i < 2; ++i) {  // the second time the arena has its final size
      tape.reset();
      const auto x = tape.input({16, length}, numbers<float>(16 * length, 1).data());
      using Block = RowBlock<float>;
      const auto y =
          attention(Block::all(x), Block::all(x), Block::all(x), {.mask = Causal{}, .kernel = AttentionKernel::tiled});
      EXPECT_EQ(y.weights, nullptr);
    }
    return static_cast<double>(tape.memory());
  };
  const double at_8192 = memory(8192);
  EXPECT_LT(memory(16384), 2.5 * at_8192);  // an arena grows by doubling; whole maps would make it 4
  EXPECT_LT(at_8192, 8192.0 * 400);         // bytes a position: x, context, and two numbers a head
}

TEST(TiledAttentionMemory, AutomaticTakesTilesFromAMillionPairsOn) {
  const auto is_tiled = [](std::int64_t length) {
    Tape<float> tape;
    const auto x = tape.constant({1, length}, numbers<float>(length, 1).data());
    using Block = RowBlock<float>;
    return attention(Block::all(x), Block::all(x), Block::all(x), {}).weights == nullptr;
  };
  EXPECT_FALSE(is_tiled(1023));
  EXPECT_TRUE(is_tiled(1024));
}

// The largest score moves from tile to tile: what was summed before must shrink with it.
TEST(TiledAttentionScores, OfTenThousandDoNotOverflow) {
  std::vector<float> keys(300);
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = static_cast<float>(i) / 300 * (i % 2 == 0 ? 1 : -1);
  const float query[] = {1e4F};
  Tape<float> tape;
  const auto q = tape.input({1, 1}, query);
  const auto k = tape.input({1, 300}, keys.data());
  using Block = RowBlock<float>;
  const auto y = attention(Block::all(q), Block::all(k), Block::all(k), {.kernel = AttentionKernel::tiled}).context;
  EXPECT_FLOAT_EQ(y.item(), keys[298]);
  const float one = 1;
  tape.backward(y, &one);
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(std::isfinite(tape.gradient(k)[i]));
}

}  // namespace
}  // namespace tapehead
