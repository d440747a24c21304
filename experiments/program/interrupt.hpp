#pragma once

#include <atomic>

namespace tapehead {

/// While it lives, the first signal that asks the program to end sets a flag, so that what was computed can be saved;
/// the second one ends the program at once. These are SIGINT (Ctrl-C), SIGTERM (`kill`, a queue's time limit, a
/// shutdown), SIGHUP (a terminal that was closed) and SIGXCPU (a limit on processor time, which repeats and is then
/// ignored). A signal that was ignored stays ignored, as `nohup` wants it. SIGPIPE is ignored meanwhile: a reader of
/// the progress that has gone ends no run. REQUIRES: one of them at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  /// Whether such a signal came; what a trainer polls.
  const std::atomic<bool>* flag() const;

  /// The exit status that tells of the signal that came: 128 and its number, as shells have it (130 for Ctrl-C).
  /// REQUIRES: *flag().
  int status() const;
};

}  // namespace tapehead
