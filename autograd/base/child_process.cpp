#include "autograd/base/child_process.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace tapehead {
namespace {

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

[[noreturn]] void be_the_child(int pipe, const std::function<void(int)>& work) {
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGINT, SIGTERM, SIGHUP, SIGPROF, SIGXCPU}) {
    ::signal(signal, SIG_DFL);  // what this process does on a signal is not the child's to do
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  int status = 0;
  try {
    work(pipe);
  } catch (...) {  // such as std::bad_alloc
    status = 1;
  }
  ::_exit(status);  // runs nothing that this process will run itself
}

}  // namespace

std::optional<ChildProcess> ChildProcess::start(const std::function<void(int)>& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  const pid_t id = ::fork();
  if (id == 0) be_the_child(ends[1], work);
  const int why = errno;
  ::close(ends[1]);
  if (id > 0) return ChildProcess(id, ends[0]);
  ::close(ends[0]);
  errno = why;
  return {};
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : id_(std::exchange(other.id_, -1)), pipe_(std::exchange(other.pipe_, -1)), status_(other.status_) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(pipe_, other.pipe_);
  std::swap(status_, other.status_);
  return *this;
}

bool ChildProcess::read(std::string& bytes) const {
  std::array<char, 65536> piece;
  ssize_t got = 0;
  do {
    got = ::read(pipe_, piece.data(), piece.size());
  } while (got < 0 && errno == EINTR);
  if (got > 0) bytes.append(piece.data(), static_cast<std::size_t>(got));
  return got > 0;
}

std::optional<int> ChildProcess::end() {
  if (pipe_ >= 0) ::close(std::exchange(pipe_, -1));
  if (id_ < 0) return status_;
  const pid_t id = std::exchange(id_, -1);
  int status = 0;
  // Where nobody hears of children (SIGCHLD ignored), one that has ended is gone already and its number may be
  // another's.
  pid_t found = ::waitpid(id, &status, WNOHANG);
  if (found == 0) {
    ::kill(id, SIGKILL);  // one that is about to end keeps the status that it ends with
    do {
      found = ::waitpid(id, &status, 0);
    } while (found < 0 && errno == EINTR);
  }
  if (found == id) status_ = status;
  return status_;
}

bool write_text(int pipe, const std::string& text) {
  const std::uint64_t size = text.size();
  return write_all(pipe, &size, sizeof(size)) && write_all(pipe, text.data(), text.size());
}

std::optional<std::uint64_t> size_of_text(const std::string& bytes) {
  std::uint64_t size = 0;
  if (bytes.size() < sizeof(size)) return {};
  std::memcpy(&size, bytes.data(), sizeof(size));
  return size;
}

std::optional<std::string> take_text(std::string& bytes) {
  const std::optional<std::uint64_t> size = size_of_text(bytes);
  if (!size || bytes.size() - sizeof(*size) < *size) return {};
  std::string text = bytes.substr(sizeof(*size), *size);
  bytes.erase(0, sizeof(*size) + *size);
  return text;
}

}  // namespace tapehead
