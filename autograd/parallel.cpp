#include "autograd/parallel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "autograd/base/errors.hpp"
#include "autograd/base/limits.hpp"
#include "autograd/kernels/blas.hpp"

namespace tapehead {

namespace {

// A step has several rounds with little between them: a worker that looks for the next one for some tens of
// microseconds before it sleeps is there when it comes.
constexpr int kSpins = 2000;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Returns when the counter is no longer `old`.
void wait_for_change(const std::atomic<std::uint32_t>& counter, std::uint32_t old, int spins) {
  for (int i = 0; i < spins; ++i) {
    if (counter.load(std::memory_order_acquire) != old) return;
    pause();
  }
  counter.wait(old, std::memory_order_acquire);
}

}  // namespace

WorkerPool::WorkerPool(int workers) {
  if (workers < 1) throw ConfigError(fmt::format("workers: at least 1 is needed, not {}", workers));
  errors_.resize(static_cast<std::size_t>(workers));
  // With more workers than cores, spinning would keep others from their work.
  if (workers <= available_processors()) spins_ = kSpins;
  use_single_threaded_blas();
  threads_.reserve(static_cast<std::size_t>(workers - 1));
  try {
    for (int worker = 1; worker < workers; ++worker) threads_.emplace_back([this, worker] { serve(worker); });
  } catch (const std::system_error& error) {
    stop();  // a thread that is not joined would end the program
    throw ConfigError(
        fmt::format("workers: {} are asked for, the system starts no more than {} ({}); take fewer threads", workers,
                    size(), error.code().message()));
  }
}

WorkerPool::~WorkerPool() { stop(); }

void WorkerPool::stop() {
  stopping_ = true;
  ++round_;
  round_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::run_erased(void* work, Call call) {
  work_ = work;
  call_ = call;
  running_.store(static_cast<std::uint32_t>(size() - 1), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  call_here(0);
  for (std::uint32_t left; (left = running_.load(std::memory_order_acquire)) != 0;) {
    wait_for_change(running_, left, spins_);
  }
  for (std::exception_ptr& error : errors_) {
    if (error == nullptr) continue;
    const std::exception_ptr first = error;
    std::fill(errors_.begin(), errors_.end(), nullptr);
    std::rethrow_exception(first);
  }
}

void WorkerPool::serve(int worker) {
  use_single_threaded_blas();
  for (std::uint32_t served = 0;; ++served) {
    wait_for_change(round_, served, spins_);
    if (stopping_) return;
    call_here(worker);
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) running_.notify_one();
  }
}

void WorkerPool::call_here(int worker) {
  try {
    call_(work_, worker);
  } catch (...) {
    errors_[static_cast<std::size_t>(worker)] = std::current_exception();
  }
}

WorkRange work_range(std::int64_t count, int worker, int workers, std::int64_t grain) {
  const std::int64_t grains = (count + grain - 1) / grain;
  const auto edge = [&](std::int64_t at) { return std::min(count, grains * at / workers * grain); };
  return {edge(worker), edge(worker + 1)};
}

}  // namespace tapehead
