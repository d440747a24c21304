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
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "autograd/base/child_process.hpp"
#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

constexpr int kAnswer = 3;  // the descriptor that the child answers through

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
  constexpr std::array kAllowed{SYS_write,       SYS_close,         SYS_brk,          SYS_mmap,
                                SYS_munmap,      SYS_mremap,        SYS_mprotect,     SYS_madvise,
                                SYS_futex,       SYS_rt_sigreturn,  SYS_exit,         SYS_exit_group,
                                SYS_getpid,      SYS_clock_gettime, SYS_gettimeofday, SYS_rt_sigprocmask,
                                SYS_sched_yield, SYS_sigaltstack};  // the address sanitizer asks where the stacks are
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

// The answer, once it is whole: nothing if the child ends before, or if it is too long or too late.
std::optional<std::string> answer_of(const ChildProcess& child, const Confinement& confinement) {
  using Clock = std::chrono::steady_clock;
  // The child has nothing to wait for: it ends by its processor time. This is for one that somebody stopped.
  const auto end = Clock::now() + std::chrono::seconds(30) + 10 * std::chrono::milliseconds(confinement.milliseconds);
  std::string bytes;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd wait{child.pipe(), POLLIN, 0};
    const int ready = left <= 0 ? 0 : ::poll(&wait, 1, static_cast<int>(left));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0 || !child.read(bytes)) return {};
    const std::optional<std::uint64_t> size = size_of_text(bytes);
    if (size && *size > confinement.answer) return {};
    std::optional<std::string> text = take_text(bytes);
    if (text) return bytes.empty() ? text : std::nullopt;
  }
}

}  // namespace

std::optional<std::string> answer_of_confined(const std::function<std::string()>& work,
                                              const Confinement& confinement) {
  const std::optional<ChildProcess> child = ChildProcess::start([&](int pipe) {
    confine(pipe, confinement);
    write_text(kAnswer, work());
  });
  if (!child) {
    throw CheckpointError(
        fmt::format("checkpoint: neither a process nor a pipe can be made to read it in ({}); end other programs or "
                    "raise the limit",
                    std::strerror(errno)));
  }
  return answer_of(*child, confinement);
}

}  // namespace tapehead
