#include "autograd/parallel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "autograd/base/errors.hpp"
#include "autograd/blas.hpp"

namespace tapehead {

WorkerPool::WorkerPool(int workers) {
  if (workers < 1) throw ConfigError(fmt::format("workers: at least 1 is needed, not {}", workers));
  errors_.resize(static_cast<std::size_t>(workers));
  use_single_threaded_blas();
  threads_.reserve(static_cast<std::size_t>(workers - 1));
  try {
    for (int worker = 1; worker < workers; ++worker) threads_.emplace_back([this, worker] { serve(worker); });
  } catch (const std::system_error& error) {
    stop();  // a thread that is not joined would end the program
    throw ConfigError(fmt::format("workers: {} are asked for, the system starts no more than {} ({}); take fewer threads",
                                  workers, size(), error.code().message()));
  }
}

WorkerPool::~WorkerPool() { stop(); }

void WorkerPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  begin_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::run_erased(void* work, Call call) {
  {
    const std::lock_guard lock(mutex_);
    work_ = work;
    call_ = call;
    running_ = size() - 1;
    ++round_;
  }
  begin_.notify_all();
  call_here(0);
  {
    std::unique_lock lock(mutex_);
    end_.wait(lock, [this] { return running_ == 0; });
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
  std::int64_t served = 0;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      begin_.wait(lock, [&] { return stopping_ || round_ != served; });
      if (stopping_) return;
      served = round_;
    }
    call_here(worker);
    const std::lock_guard lock(mutex_);
    if (--running_ == 0) end_.notify_one();
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
