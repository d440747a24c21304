#include "autograd/shards.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"

namespace tapehead {
namespace {

using Vector = std::vector<float>;

constexpr std::int64_t kSize = 257;

Vector shard_gradient(std::int64_t shard) {
  const RandomStream random(1, Purpose::test, static_cast<std::uint64_t>(shard));
  Vector values(kSize);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(random.normal(static_cast<std::uint32_t>(i)) * (1 + 1000.0 * (i % 3)));
  }
  return values;
}

// The tree in four lines: its left half is the largest power of two below the count.
Vector sum_of(std::int64_t first, std::int64_t last) {
  if (last - first == 1) return shard_gradient(first);
  std::int64_t half = 1;
  while (half * 2 < last - first) half *= 2;
  Vector a = sum_of(first, first + half);
  const Vector b = sum_of(first + half, last);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

TEST(ShardRange, ExampleGoesToTheShardOfItsShare) {
  for (const std::int64_t shards : {1, 2, 3, 4, 7}) {
    for (const std::int64_t examples : {1, 2, 3, 10, 64}) {
      std::int64_t seen = 0;
      for (std::int64_t shard = 0; shard < shards; ++shard) {
        const ExampleRange range = shard_range(shard, shards, examples);
        for (std::int64_t i = range.first; i < range.last; ++i) {
          EXPECT_EQ(i * shards / examples, shard);
          ++seen;
        }
      }
      EXPECT_EQ(seen, examples);
    }
  }
}

TEST(ShardedGradient, IsTheFixedTreeWhateverTheWorkers) {
  for (const int shards : {1, 2, 3, 4, 5, 7, 8, 13}) {
    const Vector expected = sum_of(0, shards);
    for (const int threads : {1, 2, 3, 5, 9}) {
      WorkerPool workers(threads);
      ShardedGradient<float> gradient(shards, threads, kSize);
      for (int repeat = 0; repeat < 3; ++repeat) {
        gradient.run(workers, 100, [](int, int shard, float* out) {
          const Vector values = shard_gradient(shard);
          std::copy(values.begin(), values.end(), out);
        });
        ASSERT_EQ(Vector(gradient.total(), gradient.total() + kSize), expected) << shards << " on " << threads;
      }
    }
  }
}

TEST(ShardedGradient, ShardsWithoutExamplesAreSkippedToTheBit) {
  // Three examples in eight shards: only the shards 0, 2 and 5 hold one.
  for (const int threads : {1, 2, 3, 5}) {
    WorkerPool workers(threads);
    ShardedGradient<float> gradient(8, threads, 2);
    std::atomic<int> calls = 0;
    gradient.run(workers, 3, [&](int, int shard, float* out) {
      EXPECT_THAT(shard, testing::AnyOf(0, 2, 5));
      out[0] = -0.0F;
      out[1] = static_cast<float>(shard);
      ++calls;
    });
    EXPECT_EQ(calls, 3);
    EXPECT_TRUE(std::signbit(gradient.total()[0]));  // no +0 of an empty shard was added
    EXPECT_EQ(gradient.total()[1], 7);
  }
}

TEST(ShardedGradient, RefusesNoShardsAndNoExamples) {
  EXPECT_THROW((ShardedGradient<float>(0, 1, 1)), ConfigError);
  WorkerPool workers(2);
  for (const int shards : {1, 2}) {
    ShardedGradient<float> gradient(shards, 2, 1);
    const auto never = [](int, int shard, float*) { ADD_FAILURE() << "shard " << shard << " holds nothing"; };
    EXPECT_THROW(gradient.run(workers, 0, never), DataError);
  }
}

}  // namespace
}  // namespace tapehead
