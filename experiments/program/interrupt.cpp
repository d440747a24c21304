#include "experiments/program/interrupt.hpp"

#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <string_view>

namespace tapehead {
namespace {

constexpr std::array<int, 4> kEndings{SIGINT, SIGTERM, SIGHUP, SIGXCPU};

std::atomic<bool> interrupted{false};
std::atomic<int> last_signal{0};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free,
              "a signal handler may touch nothing that locks");

// As they were found.
std::array<struct sigaction, kEndings.size()> former_endings;
struct sigaction former_pipe;

void set(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = static_cast<int>(SA_RESTART);
  sigaction(signal, &action, nullptr);
}

bool was_ignored(std::size_t i) { return former_endings[i].sa_handler == SIG_IGN; }

std::string_view text_for(int signal) {
  switch (signal) {
    case SIGTERM:
      return "\nSIGTERM: saving after this step; another signal ends at once\n";
    case SIGHUP:
      return "\nSIGHUP: saving after this step; another signal ends at once\n";
    case SIGXCPU:
      return "\nthe limit on processor time is reached: saving after this step\n";
    default:
      return "\nsaving after this step; Ctrl-C again ends at once\n";
  }
}

void note_signal(int signal) {
  last_signal = signal;
  interrupted = true;
  for (std::size_t i = 0; i < kEndings.size(); ++i) {
    if (!was_ignored(i)) set(kEndings[i], kEndings[i] == SIGXCPU ? SIG_IGN : SIG_DFL);
  }
  const std::string_view text = text_for(signal);
  [[maybe_unused]] const auto written = write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

InterruptGuard::InterruptGuard() {
  interrupted = false;
  last_signal = 0;
  for (std::size_t i = 0; i < kEndings.size(); ++i) sigaction(kEndings[i], nullptr, &former_endings[i]);
  for (std::size_t i = 0; i < kEndings.size(); ++i) {
    if (!was_ignored(i)) set(kEndings[i], note_signal);
  }
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &former_pipe);
}

InterruptGuard::~InterruptGuard() {
  for (std::size_t i = 0; i < kEndings.size(); ++i) sigaction(kEndings[i], &former_endings[i], nullptr);
  sigaction(SIGPIPE, &former_pipe, nullptr);
}

const std::atomic<bool>* InterruptGuard::flag() const { return &interrupted; }

int InterruptGuard::status() const { return 128 + last_signal; }

}  // namespace tapehead
