#pragma once

// The built program, run through the shell or as a child of the test.

#include <gmock/gmock.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "tests/experiments/program_support.hpp"

namespace tapehead {

/// A shell command; stderr joins stdout where it says so.
inline Ran shell_command(const std::string& command) {
  Ran ran;
  FILE* pipe = popen(command.c_str(), "r");
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) ran.out += static_cast<char>(c);
  const int status = pclose(pipe);
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ran;
}

/// The program with these arguments, as the shell reads them.
inline Ran shell(const std::string& arguments) {
  return shell_command(std::string("\"") + TAPEHEAD_PROGRAM + "\" " + arguments);
}

class InShell : public InFolder {
 protected:
  static std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += "'" + word + "' ";
    return text;
  }

  /// A child process that runs the program; stderr goes to `log`.
  static pid_t start(const std::vector<std::string>& words, const std::string& log) {
    const pid_t child = fork();
    if (child != 0) return child;
    std::vector<char*> arguments{const_cast<char*>(TAPEHEAD_PROGRAM)};
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    if (std::freopen(log.c_str(), "w", stderr) == nullptr) _exit(99);
    execv(TAPEHEAD_PROGRAM, arguments.data());
    _exit(99);
  }

  /// Its exit status, or 128 and the signal that ended it.
  static int wait_for(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  void wait_for_row(const std::string& metrics, const std::string& row) const {
    for (int i = 0; i < 2000 && read(metrics).find(row) == std::string::npos; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ASSERT_THAT(read(metrics), testing::HasSubstr(row));
  }
};

}  // namespace tapehead
