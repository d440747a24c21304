#include "autograd/parallel.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <set>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

TEST(WorkerPool, EveryWorkerWorksOnceARound) {
  WorkerPool workers(3);
  std::vector<int> calls(3, 0);
  for (int round = 0; round < 1000; ++round) workers.run([&](int worker) { ++calls[static_cast<std::size_t>(worker)]; });
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

TEST(WorkerPool, ASystemWithoutThreadsIsAnErrorAndNotTheEnd) {
  pthread_attr_t before;
  ASSERT_EQ(pthread_getattr_default_np(&before), 0);
  pthread_attr_t endless;
  ASSERT_EQ(pthread_getattr_default_np(&endless), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&endless, std::size_t{1} << 48), 0);  // more than there are addresses
  ASSERT_EQ(pthread_setattr_default_np(&endless), 0);
  EXPECT_THAT([] { WorkerPool{3}; }, testing::ThrowsMessage<ConfigError>(testing::HasSubstr("no more than 1 ")));
  EXPECT_EQ(pthread_setattr_default_np(&before), 0);
  pthread_attr_destroy(&endless);
  pthread_attr_destroy(&before);
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
