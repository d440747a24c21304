#include "autograd/parallel.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <set>

#include "autograd/base/errors.hpp"
#include "autograd/kernels/blas.hpp"

namespace tapehead {
namespace {

TEST(WorkerPool, EveryWorkerWorksOnceARound) {
  WorkerPool workers(3);
  std::vector<int> calls(3, 0);
  for (int round = 0; round < 1000; ++round)
    workers.run([&](int worker) { ++calls[static_cast<std::size_t>(worker)]; });
  EXPECT_THAT(calls, testing::Each(1000));
}

TEST(WorkerPool, WorkersAreThreadsOfTheirOwnAndTheCallerIsTheFirst) {
  WorkerPool workers(3);
  std::vector<std::thread::id> ids(3);
  workers.run([&](int worker) { ids[static_cast<std::size_t>(worker)] = std::this_thread::get_id(); });
  EXPECT_EQ(ids[0], std::this_thread::get_id());
  EXPECT_EQ(std::set<std::thread::id>(ids.begin(), ids.end()).size(), 3U);
}

TEST(WorkerPool, ErrorReachesTheCallerAndThePoolGoesOn) {
  WorkerPool workers(2);
  for (const int thrower : {0, 1}) {
    EXPECT_THROW(workers.run([&](int worker) {
      if (worker == thrower) throw DataError("bad line");
    }),
                 DataError);
  }
  std::atomic<int> calls = 0;
  workers.run([&](int) { ++calls; });
  EXPECT_EQ(calls, 2);
}

// Leaves this process so little address space that the stack of one more thread fits in, and that of a second does not.
void leave_room_for_one_thread() {
  use_single_threaded_blas();  // in a forked process OpenBLAS starts its threads now, which want room too
  constexpr std::size_t kStack = std::size_t{1} << 30;
  pthread_attr_t attributes;
  pthread_getattr_default_np(&attributes);
  pthread_attr_setstacksize(&attributes, kStack);
  pthread_setattr_default_np(&attributes);
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const std::size_t room = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + kStack + kStack / 2;
  const rlimit limit{room, room};
  ::setrlimit(RLIMIT_AS, &limit);
}

TEST(WorkerPoolDeathTest, TooFewThreadsAreAnErrorAndNotTheEnd) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto ask_for_three = [] {
    leave_room_for_one_thread();
    try {
      WorkerPool{3};
    } catch (const ConfigError& error) {
      std::fputs(error.what(), stderr);
      ::_exit(42);
    }
    ::_exit(0);
  };
  EXPECT_EXIT(ask_for_three(), testing::ExitedWithCode(42), "3 are asked for, the system starts no more than 2 ");
}

TEST(WorkerPool, NeedsAWorker) { EXPECT_THROW(WorkerPool{0}, ConfigError); }

TEST(WorkRange, CoversEverythingOnceInOrder) {
  for (const std::int64_t count : {0, 1, 63, 64, 65, 1000}) {
    for (const int workers : {1, 2, 3, 7}) {
      std::int64_t next = 0;
      for (int worker = 0; worker < workers; ++worker) {
        const auto [first, last] = work_range(count, worker, workers, 64);
        EXPECT_EQ(first, next);
        EXPECT_TRUE(first % 64 == 0 || first == count);
        next = last;
      }
      EXPECT_EQ(next, count);
    }
  }
}

}  // namespace
}  // namespace tapehead
