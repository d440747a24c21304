#include "experiments/interrupt.hpp"

#include <unistd.h>
#include <csignal>
#include <string_view>

namespace tapehead {
namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may touch nothing that locks");

void note_interrupt(int) {
  interrupted = true;
  constexpr std::string_view kText = "\nsaving after this step; Ctrl-C again ends at once\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, kText.data(), kText.size());
}

}  // namespace

InterruptGuard::InterruptGuard() {
  interrupted = false;
  struct sigaction action {};
  action.sa_handler = note_interrupt;
  // The handler serves once: the next signal finds the default, which ends the program.
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
}

InterruptGuard::~InterruptGuard() { std::signal(SIGINT, SIG_DFL); }

const std::atomic<bool>* InterruptGuard::flag() const { return &interrupted; }

}  // namespace tapehead
