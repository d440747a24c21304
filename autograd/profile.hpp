#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

namespace tapehead {

/// Where the time of one thread goes, by op. A tape that is given one (Tape::set_profile) fills it: what passes between
/// two records is the forward time of the later one's op.
class OpProfile {
 public:
  struct Entry {
    std::string_view op;
    std::int64_t calls = 0;
    double forward = 0, backward = 0;  ///< seconds
  };

  OpProfile() { entries_.reserve(64); }

  /// Time runs from here on.
  void start() { last_ = Clock::now(); }
  void end_forward(std::string_view op) {
    Entry& at = entry(op);
    ++at.calls;
    at.forward += lap();
  }
  void end_backward(std::string_view op) { entry(op).backward += lap(); }

  /// Multiplies all times, to make those of many steps those of one.
  void scale(double factor) {
    for (Entry& at : entries_) at.forward *= factor, at.backward *= factor;
  }

  const std::vector<Entry>& entries() const { return entries_; }

 private:
  using Clock = std::chrono::steady_clock;

  Entry& entry(std::string_view op) {
    const auto found = std::ranges::find(entries_, op, &Entry::op);
    return found != entries_.end() ? *found : entries_.emplace_back(Entry{.op = op});
  }
  double lap() {
    const Clock::time_point now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    return seconds;
  }

  std::vector<Entry> entries_;
  Clock::time_point last_ = Clock::now();
};

}  // namespace tapehead
