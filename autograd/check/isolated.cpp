#include "autograd/check/isolated.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <deque>
#include <iostream>
#include <map>
#include <utility>
#include <vector>

#include "autograd/base/child_process.hpp"
#include "autograd/kernels/blas.hpp"

namespace tapehead {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kClock = 60;                               // seconds by the clock for one of processor time
constexpr auto kShift = std::chrono::milliseconds(300);  // after which a process takes no further task

void limit(decltype(RLIMIT_CORE) resource, rlim_t most) {
  const rlimit soft{most, most + 1};  // at the hard limit of time the system kills, and does not say why
  ::setrlimit(resource, &soft);
}

std::string how_it_ended(std::optional<int> status, bool late, int seconds) {
  if (late) return fmt::format("ended after {} s without an answer", kClock * seconds);
  if (!status) return "ended without an answer";
  if (!WIFSIGNALED(*status)) return fmt::format("ended with status {}", WEXITSTATUS(*status));
  const int signal = WTERMSIG(*status);
  if (signal == SIGXCPU) return fmt::format("ended after {} s of processor time", seconds);
  const char* name = ::sigabbrev_np(signal);
  if (name == nullptr) return fmt::format("ended by signal {}", signal);
  return fmt::format("ended by SIG{} ({})", name, ::sigdescr_np(signal));
}

// A process, and the tasks that it goes through.
struct Running {
  ChildProcess process;
  std::deque<std::int64_t> tasks;  // that it has not answered
  Clock::time_point latest;
  std::string bytes = {};  // of an answer that is not whole yet
  bool answered = false;   // any
};

class Scheduler {
 public:
  using Work = std::function<std::string(std::int64_t)>;
  using Done = std::function<void(std::int64_t, IsolatedAnswer)>;

  Scheduler(const Isolation& isolation, const Work& work, const Done& done)
      : isolation_(isolation), work_(work), done_(done), at_once_(std::max(isolation.at_once, 1)) {}

  void run(std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) waiting_.push_back(i);
    while (!waiting_.empty() || !running_.empty()) {
      while (!waiting_.empty() && std::ssize(running_) < at_once_) {
        if (!start()) break;
      }
      listen();
    }
  }

 private:
  // The next tasks, or the one alone that comes first because another process ended at it.
  std::deque<std::int64_t> next_share() {
    const bool alone = ended_at_.contains(waiting_.front());
    const std::int64_t share = alone ? 1 : 1 + std::ssize(waiting_) / (2 * at_once_);
    const auto end = std::find_if(waiting_.begin() + 1, waiting_.begin() + share,
                                  [&](std::int64_t task) { return ended_at_.contains(task); });
    std::deque<std::int64_t> tasks(waiting_.begin(), end);
    waiting_.erase(waiting_.begin(), end);
    return tasks;
  }

  void give_back(const std::deque<std::int64_t>& tasks) {
    waiting_.insert(waiting_.begin(), tasks.begin(), tasks.end());
  }

  // False: no process is to be had until another one ends.
  bool start() {
    std::deque<std::int64_t> tasks = next_share();
    std::cout.flush();  // else the child would write it, too
    std::fflush(stdout);
    auto process = ChildProcess::start([&](int pipe) { work_on(tasks, pipe); });
    if (!process) {
      const std::int64_t here = tasks.front();
      if (running_.empty()) tasks.pop_front();
      give_back(tasks);
      if (!running_.empty()) return false;
      done_(here, {work_(here)});
      return true;
    }
    const auto latest = isolation_.seconds > 0 ? Clock::now() + std::chrono::seconds(kClock * isolation_.seconds)
                                               : Clock::time_point::max();
    running_.push_back({std::move(*process), std::move(tasks), latest});
    return true;
  }

  // What the child does.
  void work_on(const std::deque<std::int64_t>& tasks, int pipe) const {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // who is interrupted leaves nothing behind
    limit(RLIMIT_CORE, 0);               // a crash is a result here
    if (isolation_.seconds > 0) limit(RLIMIT_CPU, static_cast<rlim_t>(isolation_.seconds));
    ::dup2(STDERR_FILENO, STDOUT_FILENO);
    use_single_threaded_blas();
    const auto end = Clock::now() + kShift;
    for (const std::int64_t task : tasks) {
      const std::string answer = work_(task);
      std::cout.flush();
      std::fflush(stdout);
      if (!write_text(pipe, answer) || Clock::now() >= end) return;
    }
  }

  // Waits until a process has something to say, or is late, and hears it.
  void listen() {
    if (running_.empty()) return;
    std::vector<pollfd> waits;
    auto first = Clock::time_point::max();
    for (const Running& each : running_) {
      waits.push_back({each.process.pipe(), POLLIN, 0});
      first = std::min(first, each.latest);
    }
    using Milliseconds = std::chrono::milliseconds;
    const auto left = std::chrono::duration_cast<Milliseconds>(first - Clock::now()).count() + 1;
    const int ready =
        ::poll(waits.data(), waits.size(),
               first == Clock::time_point::max() ? -1 : static_cast<int>(std::max(left, decltype(left){0})));
    for (std::size_t i = waits.size(); i-- > 0;) {
      const bool late = Clock::now() >= running_[i].latest;
      const bool speaks = ready > 0 && waits[i].revents != 0;
      if (!late && (!speaks || hear(running_[i]))) continue;
      Running ended = std::move(running_[i]);
      running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
      close(ended, late);
    }
  }

  // False: it will say nothing more.
  bool hear(Running& from) {
    const bool more = from.process.read(from.bytes);
    while (!from.tasks.empty()) {
      std::optional<std::string> text = take_text(from.bytes);
      if (!text) break;
      const std::int64_t task = from.tasks.front();
      from.tasks.pop_front();
      from.answered = true;
      IsolatedAnswer answer{std::move(text)};
      if (const auto found = ended_at_.find(task); found != ended_at_.end()) {
        answer = {{}, found->second + " behind others in one process, but not alone: one of them does harm to memory"};
      }
      done_(task, std::move(answer));
    }
    return more;
  }

  // Some tasks may be left: the process has worked long enough, or it came to grief at the first of them.
  void close(Running& ended, bool late) {
    const std::optional<int> status = ended.process.end();
    if (ended.tasks.empty()) return;
    const bool fine = ended.answered && !late && (!status || *status == 0);
    const std::string how = how_it_ended(status, late, isolation_.seconds);
    if (!fine && !ended.answered) {
      done_(ended.tasks.front(), {{}, how});
      ended.tasks.pop_front();
    } else if (!fine) {
      ended_at_[ended.tasks.front()] = how;
    }
    give_back(ended.tasks);
  }

  const Isolation& isolation_;
  const Work& work_;
  const Done& done_;
  std::int64_t at_once_;
  std::deque<std::int64_t> waiting_;
  std::vector<Running> running_;
  std::map<std::int64_t, std::string> ended_at_;  // how a process ended at a task that was not its first
};

}  // namespace

void for_each_isolated(std::int64_t count, const Isolation& isolation,
                       const std::function<std::string(std::int64_t)>& work,
                       const std::function<void(std::int64_t, IsolatedAnswer)>& done) {
  Scheduler(isolation, work, done).run(count);
}

}  // namespace tapehead
