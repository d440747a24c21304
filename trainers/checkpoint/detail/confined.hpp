#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace tapehead {

/// What a confined child process may take.
struct Confinement {
  std::size_t memory = 0;  ///< bytes above what this process has already
  int milliseconds = 300;  ///< of processor time
  std::size_t answer = 0;  ///< bytes of its answer
};

/// Runs `work` in a child process that sees this process's memory as it is now and returns its answer; nothing if the
/// child crashed, ran into a limit, threw, or hung. The child holds no file but the pipe for its answer and can open
/// none; where the system has them (Linux's seccomp filters) it is also left without all system calls but those for
/// memory. Whatever it does to its memory, this process's stays. The answer comes from a process that may have been
/// taken over: check every byte of it. Throws CheckpointError when the system gives no process or pipe.
///
/// The child is made by fork(), not by starting a program: the library has no program of its own to start. Other
/// threads do not exist in it, so `work` may use only what none of them can have locked: glibc's malloc is made usable
/// after a fork by glibc itself; HDF5 is used by one thread at a time.
std::optional<std::string> answer_of_confined(const std::function<std::string()>& work, const Confinement& confinement);

}  // namespace tapehead
