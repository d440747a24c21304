#include "autograd/arena.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <new>
#include <set>

#include "autograd/poison.hpp"

namespace tapehead {
namespace {

bool aligned(const void* piece) { return reinterpret_cast<std::uintptr_t>(piece) % Arena::kAlignment == 0; }

TEST(Arena, PiecesAreAlignedAndApart) {
  Arena arena;
  std::vector<unsigned char*> pieces;
  for (std::size_t i = 0; i < 1000; ++i) {
    const std::size_t size = 1 + i * 37;
    auto* piece = arena.allocate<unsigned char>(static_cast<std::int64_t>(size));
    EXPECT_TRUE(aligned(piece));
    std::memset(piece, static_cast<int>(i % 251), size);
    pieces.push_back(piece);
  }
  for (std::size_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(pieces[i][0], i % 251);
    EXPECT_EQ(pieces[i][i * 37], i % 251);
  }
}

TEST(Arena, ResetJoinsBlocksSoThatTheSameLoadFits) {
  Arena arena;
  const auto load = [&] {
    for (int i = 0; i < 100; ++i) arena.allocate(100'000);
  };
  load();
  arena.reset();
  const std::size_t capacity = arena.capacity();
  load();
  EXPECT_EQ(arena.capacity(), capacity);
}

TEST(Arena, RewindHandsOutTheSameMemoryAgainAcrossBlocks) {
  Arena arena;
  arena.allocate(10);
  const Arena::Mark mark = arena.mark();
  void* first = arena.allocate(3 << 20);  // a block of its own
  arena.rewind(mark);
  void* small = arena.allocate(64);
  EXPECT_NE(small, first);
  arena.rewind(mark);
  EXPECT_EQ(arena.allocate(3 << 20), first);
}

TEST(Arena, PieceLargerThanEveryBlockFits) {
  Arena arena;
  auto* piece = arena.allocate<double>(5 << 20);
  piece[(5 << 20) - 1] = 1;
  EXPECT_GE(arena.capacity(), sizeof(double) * (5 << 20));
}

// A size that wraps around would come back as a small piece, and be written past its end.
TEST(Arena, SizesPastWhatThereCanBeAreNoMemory) {
  Arena arena;
  EXPECT_THROW(arena.allocate<double>(std::int64_t{1} << 61), std::bad_alloc);
  EXPECT_THROW(arena.allocate<double>((std::int64_t{1} << 61) + 1), std::bad_alloc);
  EXPECT_THROW(arena.allocate<float>(-3), std::bad_alloc);
  EXPECT_THROW(arena.allocate(~std::size_t{0} - 5), std::bad_alloc);
  *arena.allocate<double>(1) = 1;
}

TEST(RecyclingArena, ReleasedPieceServesTheNextOfItsSize) {
  RecyclingArena arena;
  void* a = arena.allocate(1000);
  void* b = arena.allocate(1000);
  EXPECT_NE(a, b);
  arena.release(a, 1000);
  EXPECT_EQ(arena.allocate(1000), a);
}

TEST(RecyclingArena, PiecesInUseNeverOverlap) {
  RecyclingArena arena;
  std::vector<std::pair<unsigned char*, std::size_t>> used;
  unsigned state = 7;
  for (int i = 0; i < 5000; ++i) {
    state = state * 1664525U + 1013904223U;
    const std::size_t bytes = 1 + state % 3000;
    if (state >> 30 != 0 || used.empty()) {
      auto* piece = static_cast<unsigned char*>(arena.allocate(bytes));
      EXPECT_TRUE(aligned(piece));
      std::memset(piece, static_cast<int>(bytes % 256), bytes);
      used.emplace_back(piece, bytes);
    } else {
      const auto [piece, size] = used.back();
      used.pop_back();
      for (std::size_t k = 0; k < size; ++k) ASSERT_EQ(piece[k], size % 256);
      arena.release(piece, size);
    }
  }
}

// Under the address sanitizer; elsewhere nothing is poisoned and there is nothing to see.
TEST(Arena, WhatIsNotHandedOutIsPoisoned) {
  if (!kPoisons) GTEST_SKIP() << "not built with the address sanitizer";
  Arena arena;
  auto* first = static_cast<char*>(arena.allocate(100));
  EXPECT_FALSE(is_poisoned(first + 99));
  EXPECT_TRUE(is_poisoned(first + 104)) << "the rest of its cache line, but for what shares eight bytes with it";
  const Arena::Mark mark = arena.mark();
  auto* second = static_cast<char*>(arena.allocate(64));
  auto* far = static_cast<char*>(arena.allocate(std::size_t{5} << 20U));  // in a block of its own
  EXPECT_FALSE(is_poisoned(second) || is_poisoned(far));
  arena.rewind(mark);
  EXPECT_TRUE(is_poisoned(second) && is_poisoned(far));
  EXPECT_FALSE(is_poisoned(first));
  EXPECT_EQ(arena.allocate(64), second);
  EXPECT_FALSE(is_poisoned(second));
}

TEST(RecyclingArena, WhatWasGivenBackIsPoisonedBehindItsLink) {
  if (!kPoisons) GTEST_SKIP() << "not built with the address sanitizer";
  RecyclingArena arena;
  auto* piece = static_cast<char*>(arena.allocate(200));
  EXPECT_FALSE(is_poisoned(piece + 199));
  EXPECT_TRUE(is_poisoned(piece + 200)) << "the rest of its class";
  arena.release(piece, 200);
  EXPECT_TRUE(is_poisoned(piece + 64));
  EXPECT_EQ(arena.allocate(195), piece) << "of the same class or this test says nothing";
  EXPECT_FALSE(is_poisoned(piece + 194));
  arena.reset();
  EXPECT_TRUE(is_poisoned(piece));
}

#ifdef TAPEHEAD_POISONS
TEST(ArenaDeathTest, UseAfterARewindIsStopped) {
  Arena arena;
  const Arena::Mark mark = arena.mark();
  auto* value = arena.allocate<volatile float>(1);
  *value = 1;
  arena.rewind(mark);
  EXPECT_DEATH(*value = 2, "use-after-poison");
}
#endif

}  // namespace
}  // namespace tapehead
