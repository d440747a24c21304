#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

namespace tapehead {

/// The order in which stored examples are trained on: an epoch is a permutation that depends on (seed, epoch) alone,
/// and the batch of step s holds examples (s-1)·B … s·B-1 of the endless row of epochs, so that one batch may end an
/// epoch and begin the next.
class EpochOrder {
 public:
  /// Of so many examples. Before anything is asked.
  void set_size(std::size_t examples) { order_.resize(examples); }
  bool empty() const { return order_.empty(); }

  /// Calls take(i) for the number of each example of a step, in order. REQUIRES: there are some.
  template <class Take>
  void for_batch(std::uint64_t seed, std::uint64_t step, std::int64_t examples, Take take) const {
    const std::lock_guard lock(mutex_);
    const auto count = static_cast<std::uint64_t>(order_.size());
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(examples); ++i) {
      const std::uint64_t n = (step - 1) * static_cast<std::uint64_t>(examples) + i;
      turn_to(seed, n / count);
      take(static_cast<std::size_t>(order_[n % count]));
    }
  }

 private:
  void turn_to(std::uint64_t seed, std::uint64_t epoch) const;

  // The order of one epoch, made when it is first needed. Only a cache: guarded, and a function of its key.
  mutable std::mutex mutex_;
  mutable std::vector<std::uint32_t> order_;
  mutable std::uint64_t seed_ = 0, epoch_ = 0;
  mutable bool known_ = false;
};

}  // namespace tapehead
