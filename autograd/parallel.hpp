#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <thread>
#include <type_traits>
#include <vector>

namespace tapehead {

/// A fixed set of threads that do one thing together and wait for each other. Each of them, the caller included, uses
/// single-threaded BLAS: where work runs is decided here and nowhere else.
class WorkerPool {
 public:
  /// The calling thread is worker 0; `workers` − 1 threads are started. Throws ConfigError if workers < 1 or if
  /// the system gives no more threads.
  explicit WorkerPool(int workers);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  int size() const { return static_cast<int>(threads_.size()) + 1; }

  /// Calls work(worker) once on every worker, at the same time, and returns when all have returned. The first
  /// exception by the number of its worker is rethrown. Allocates nothing. REQUIRES: not called from inside `work`.
  template <class F>
  void run(F&& work) {
    using Work = std::remove_reference_t<F>;
    run_erased(const_cast<void*>(static_cast<const void*>(&work)),
               [](void* f, int worker) { (*static_cast<Work*>(f))(worker); });
  }

 private:
  using Call = void (*)(void* work, int worker);

  void run_erased(void* work, Call call);
  void serve(int worker);
  void stop();
  void call_here(int worker);

  std::vector<std::thread> threads_;
  std::vector<std::exception_ptr> errors_;
  int spins_ = 0;  // looks at a counter before a thread goes to sleep
  void* work_ = nullptr;
  Call call_ = nullptr;
  std::atomic<std::uint32_t> round_ = 0;    // counts the calls of run; publishes work_ and call_
  std::atomic<std::uint32_t> running_ = 0;  // workers that have not finished this round
  std::atomic<bool> stopping_ = false;
};

/// Calls task(i) once for every i in [0, count), spread over the workers as they become free, or in order in this
/// thread if there are none. No result may depend on which worker runs a task, or when. Allocates nothing.
template <class F>
void for_each_task(WorkerPool* workers, std::int64_t count, F&& task) {
  if (workers == nullptr || workers->size() == 1 || count <= 1) {
    for (std::int64_t i = 0; i < count; ++i) task(i);
    return;
  }
  std::atomic<std::int64_t> next = 0;
  workers->run([&](int) {
    for (std::int64_t i = next++; i < count; i = next++) task(i);
  });
}

/// A worker's contiguous part of `count` items.
struct WorkRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

/// Splits [0, count) evenly, in multiples of `grain` items.
WorkRange work_range(std::int64_t count, int worker, int workers, std::int64_t grain = 1);

}  // namespace tapehead
