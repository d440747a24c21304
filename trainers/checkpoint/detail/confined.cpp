#include "trainers/checkpoint/detail/confined.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

constexpr int kAnswer = 3;  // the descriptor that the child answers through

[[noreturn]] void fail(const char* what) {
  throw CheckpointError(fmt::format("checkpoint: {} to read it in ({}); end other programs or raise the limit", what,
                                    std::strerror(errno)));
}

void limit(decltype(RLIMIT_CORE) resource, rlim_t most) {
  const rlimit both{most, most};
  ::setrlimit(resource, &both);
}

// Private memory that the process has mapped, in bytes; 0 where /proc does not say.
std::size_t mapped_memory() {
  std::array<char, 200> text{};
  const int file = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (file < 0 || ::read(file, text.data(), text.size() - 1) <= 0) return 0;
  ::close(file);
  unsigned long long data = 0;  // size resident shared text lib data
  if (std::sscanf(text.data(), "%*u %*u %*u %*u %*u %llu", &data) != 1) return 0;
  return static_cast<std::size_t>(data) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// Every system call fails but those that memory, the answer and the end of the process need.
void deny_system_calls() {
#if defined(__x86_64__) || defined(__aarch64__)
#ifdef __x86_64__
  constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#else
  constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#endif
  constexpr std::array kAllowed{SYS_write,          SYS_close,      SYS_brk,     SYS_mmap,          SYS_munmap,
                                SYS_mremap,         SYS_mprotect,   SYS_madvise, SYS_futex,         SYS_rt_sigreturn,
                                SYS_exit,           SYS_exit_group, SYS_getpid,  SYS_clock_gettime, SYS_gettimeofday,
                                SYS_rt_sigprocmask, SYS_sched_yield};
  constexpr auto load = [](std::size_t offset) {
    return sock_filter{BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)};
  };
  constexpr auto result = [](std::uint32_t value) { return sock_filter{BPF_RET | BPF_K, 0, 0, value}; };
  std::array<sock_filter, kAllowed.size() + 6> program{};
  std::size_t length = 0;
  program[length++] = load(offsetof(seccomp_data, arch));
  program[length++] = {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, kArchitecture};
  program[length++] = result(SECCOMP_RET_KILL_PROCESS);
  program[length++] = load(offsetof(seccomp_data, nr));
  for (std::size_t i = 0; i < kAllowed.size(); ++i) {
    const auto to_allow = static_cast<std::uint8_t>(kAllowed.size() - i);
    program[length++] = {BPF_JMP | BPF_JEQ | BPF_K, to_allow, 0, static_cast<std::uint32_t>(kAllowed[i])};
  }
  program[length++] = result(SECCOMP_RET_ERRNO | EPERM);
  program[length++] = result(SECCOMP_RET_ALLOW);
  const sock_fprog filter{static_cast<unsigned short>(length), program.data()};
  // Where the system refuses, the limits remain.
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
#endif
}

void confine(int pipe, const Confinement& confinement) {
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGINT, SIGTERM, SIGHUP, SIGPROF, SIGXCPU}) {
    ::signal(signal, SIG_DFL);  // what the program does on a signal is not the child's to do
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const std::size_t before = mapped_memory();
  ::prctl(PR_SET_DUMPABLE, 0);  // no core file for a crash that is expected
  ::dup2(pipe, kAnswer);
  for (const int standard : {0, 1, 2}) ::close(standard);  // the C library speaks up there when it finds memory damaged
#ifdef SYS_close_range
  ::syscall(SYS_close_range, static_cast<unsigned>(kAnswer + 1), ~0U, 0U);
#endif
  limit(RLIMIT_NOFILE, 0);  // nothing can be opened, neither files nor libraries nor pipes
  const itimerval processor_time{{0, 0}, {confinement.milliseconds / 1000, 1000 * (confinement.milliseconds % 1000)}};
  ::setitimer(ITIMER_PROF, &processor_time, nullptr);  // SIGPROF ends it
  limit(RLIMIT_CPU, static_cast<rlim_t>(confinement.milliseconds / 1000 + 1));
  if (before > 0) limit(RLIMIT_DATA, before + confinement.memory);
  deny_system_calls();
}

bool write_all(int file, const void* bytes, std::size_t size) {
  const char* next = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t written = ::write(file, next, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    next += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

// The answer goes out behind its size, so that one that was cut off is told from a whole one.
[[noreturn]] void be_the_child(int pipe, const std::function<std::string()>& work, const Confinement& confinement) {
  confine(pipe, confinement);
  int status = 1;
  try {
    const std::string answer = work();
    const std::uint64_t size = answer.size();
    if (write_all(kAnswer, &size, sizeof(size)) && write_all(kAnswer, answer.data(), answer.size())) status = 0;
  } catch (...) {  // such as std::bad_alloc: an answer that does not come says it all
  }
  ::_exit(status);
}

// A child and the pipe that it answers through; both end with this.
class Child {
 public:
  Child(pid_t id, int pipe) : id_(id), pipe_(pipe) {}
  ~Child() {
    ::close(pipe_);
    // Where nobody hears of children (SIGCHLD ignored), one that has ended is gone already and its number may be
    // another's.
    if (::waitpid(id_, nullptr, WNOHANG) != 0) return;
    ::kill(id_, SIGKILL);
    while (::waitpid(id_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // The answer, once it is whole: nothing if the child ends before, or if it is too long or too late.
  std::optional<std::string> answer(const Confinement& confinement) const {
    using Clock = std::chrono::steady_clock;
    // The child has nothing to wait for: it ends by its processor time. This is for one that somebody stopped.
    const auto end = Clock::now() + std::chrono::seconds(30) + 10 * std::chrono::milliseconds(confinement.milliseconds);
    std::string text;
    std::uint64_t size = 0;
    std::array<char, 65536> piece;
    while (text.size() < sizeof(size) || text.size() - sizeof(size) < size) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
      pollfd wait{pipe_, POLLIN, 0};
      const int ready = left <= 0 ? 0 : ::poll(&wait, 1, static_cast<int>(left));
      if (ready < 0 && errno == EINTR) continue;
      if (ready <= 0) return {};
      const ssize_t got = ::read(pipe_, piece.data(), piece.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return {};
      text.append(piece.data(), static_cast<std::size_t>(got));
      if (text.size() >= sizeof(size)) std::memcpy(&size, text.data(), sizeof(size));
      if (size > confinement.answer) return {};
    }
    if (text.size() - sizeof(size) != size) return {};
    return text.substr(sizeof(size));
  }

 private:
  pid_t id_;
  int pipe_;
};

}  // namespace

std::optional<std::string> answer_of_confined(const std::function<std::string()>& work,
                                              const Confinement& confinement) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail("no pipe can be made");
  const pid_t id = ::fork();
  if (id == 0) be_the_child(ends[1], work, confinement);
  const int why = errno;
  ::close(ends[1]);
  if (id < 0) {
    ::close(ends[0]);
    errno = why;
    fail("no process can be made");
  }
  return Child(id, ends[0]).answer(confinement);
}

}  // namespace tapehead
