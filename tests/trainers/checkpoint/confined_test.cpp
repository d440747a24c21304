#include "trainers/checkpoint/detail/confined.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <vector>

namespace tapehead {
namespace {

constexpr std::size_t kMegabyte = std::size_t{1} << 20U;
constexpr Confinement kLimits{.memory = 64 * kMegabyte, .milliseconds = 200, .answer = kMegabyte};

// What the compiler may not leave out.
volatile int written = 0;

TEST(Confined, TheAnswerComesBackWhole) {
  EXPECT_EQ(answer_of_confined([] { return std::string(); }, kLimits), "");
  const std::string long_one(kMegabyte, 'x');  // more than a pipe holds
  EXPECT_EQ(answer_of_confined([&] { return long_one; }, kLimits), long_one);
  EXPECT_FALSE(answer_of_confined([&] { return long_one + "y"; }, kLimits));
}

TEST(Confined, AChildThatFailsHarmsNothing) {
  EXPECT_FALSE(answer_of_confined([]() -> std::string { std::abort(); }, kLimits));
  EXPECT_FALSE(answer_of_confined([]() -> std::string { throw std::runtime_error("no"); }, kLimits));
  EXPECT_FALSE(answer_of_confined([]() -> std::string { ::_exit(0); }, kLimits));
  EXPECT_FALSE(answer_of_confined([]() -> std::string { __builtin_trap(); }, kLimits));
  int here = 1;
  EXPECT_EQ(answer_of_confined(
                [&] {
                  here = 2;
                  return std::to_string(here);
                },
                kLimits),
            "2");
  EXPECT_EQ(here, 1);
}

TEST(Confined, AChildThatLoopsIsEnded) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(answer_of_confined(
      []() -> std::string {
        for (;;) written = written + 1;
      },
      kLimits));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20))
      << "0.2 s of processor time were allowed";
}

TEST(Confined, MemoryHasALimit) {
  const auto take = [](std::size_t size) {
    return [size] {
      std::vector<char> block(size, 'x');
      written = block[size / 2];
      return std::string("taken");
    };
  };
  const std::vector<char> own(100 * kMegabyte, 'x');  // what was there before counts for nothing
  EXPECT_EQ(answer_of_confined(take(32 * kMegabyte), kLimits), "taken");
  EXPECT_FALSE(answer_of_confined(take(80 * kMegabyte), kLimits));
}

TEST(Confined, NoFileIsAtHand) {
  const int open_here = ::open("/dev/null", O_RDONLY);
  ASSERT_GE(open_here, 0);
  const auto tries = [open_here] {
    char byte = 0;
    std::string done;
    if (::open("/dev/null", O_RDONLY) >= 0) done += "opened ";
    if (::read(open_here, &byte, 1) >= 0) done += "read ";
    if (::write(STDERR_FILENO, "x", 1) >= 0) done += "wrote ";
    if (::dup(open_here) >= 0) done += "doubled ";
    return done;
  };
  EXPECT_EQ(answer_of_confined(tries, kLimits), "");
  ::close(open_here);
}

// Threads of this process may hold malloc's locks at the moment when the child is made.
TEST(Confined, WorksWhileOtherThreadsAllocate) {
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (!stop)
        std::vector<char>(static_cast<std::size_t>(1 + std::rand() % 5000))
            .swap(*std::make_unique<std::vector<char>>());
    });
  }
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(answer_of_confined([i] { return std::string(static_cast<std::size_t>(i), 'a'); }, kLimits),
              std::string(static_cast<std::size_t>(i), 'a'));
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

// As under nohup-like parents: children are then gone without being waited for.
TEST(Confined, WorksWhereChildrenAreIgnored) {
  const auto before = ::signal(SIGCHLD, SIG_IGN);
  EXPECT_EQ(answer_of_confined([] { return std::string("heard"); }, kLimits), "heard");
  EXPECT_FALSE(answer_of_confined([]() -> std::string { std::abort(); }, kLimits));
  ::signal(SIGCHLD, before);
}

}  // namespace
}  // namespace tapehead
