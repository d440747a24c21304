#pragma once

#include <atomic>

namespace tapehead {

/// While it lives, the first Ctrl-C sets a flag and a second one ends the program at once.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  /// Whether Ctrl-C was pressed; what a trainer polls.
  const std::atomic<bool>* flag() const;
};

}  // namespace tapehead
