#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace tapehead {

/// A copy of this process, made by fork(), that does one thing and says what came of it through a pipe. Whatever
/// becomes of it, this process goes on. It does not outlive this object.
///
/// Other threads do not exist in the copy, so what it does may use only what none of them can have locked: glibc makes
/// malloc usable after a fork, and OpenBLAS ends its own threads before one.
class ChildProcess {
 public:
  /// Nothing if the system gives no process or no pipe; errno says why. The copy calls `work` with the descriptor that
  /// it writes to, and ends with status 0, or with 1 if `work` throws.
  static std::optional<ChildProcess> start(const std::function<void(int pipe)>& work);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess() { end(); }

  /// For poll(): ready when read() would not wait.
  int pipe() const { return pipe_; }
  /// Appends what has come. False at the end: the copy has ended, or will say nothing more.
  bool read(std::string& bytes) const;

  /// Ends it, if it has not ended by itself, and returns its status as waitpid() gives it; nothing if nobody may know,
  /// since SIGCHLD is ignored.
  std::optional<int> end();

 private:
  ChildProcess(int id, int pipe) : id_(id), pipe_(pipe) {}

  int id_;    // -1: it has been waited for
  int pipe_;  // -1: closed
  std::optional<int> status_ = {};
};

/// Writes a text behind its size, so that one that was cut off is told from a whole one. False: nobody reads.
bool write_text(int pipe, const std::string& text);
/// The size that the first text in `bytes` says it has; nothing if that has not come.
std::optional<std::uint64_t> size_of_text(const std::string& bytes);
/// Takes the first text out of `bytes`; nothing if it is not whole.
std::optional<std::string> take_text(std::string& bytes);

}  // namespace tapehead
