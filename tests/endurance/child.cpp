#include "tests/endurance/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace tapehead {

Child::Child(const std::string& program, const std::vector<std::string>& words, const std::string& log,
             const std::map<std::string, std::string>& environment) {
  // Everything that allocates comes before fork().
  std::vector<char*> arguments{const_cast<char*>(program.c_str())};
  arguments.reserve(words.size() + 2);
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!environment.contains(text.substr(0, text.find('=')))) variables.push_back(text);
  }
  for (const auto& [name, value] : environment) variables.push_back(fmt::format("{}={}", name, value));
  std::vector<char*> pointers;
  pointers.reserve(variables.size() + 1);
  for (std::string& variable : variables) pointers.push_back(variable.data());
  pointers.push_back(nullptr);
  id_ = ::fork();
  if (id_ < 0) throw std::runtime_error("fork failed");
  if (id_ > 0) return;
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  ::execve(program.c_str(), arguments.data(), pointers.data());
  ::_exit(99);
}

Child::~Child() {
  if (running()) kill();
}

void Child::note(int status, const rusage& usage) {
  ended_ = true;
  peak_bytes_ = 1024 * static_cast<double>(usage.ru_maxrss);
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool Child::running() {
  int status = 0;
  rusage usage{};
  if (!ended_ && ::wait4(id_, &status, WNOHANG, &usage) == id_) note(status, usage);
  return !ended_;
}

bool Child::kill() {
  if (ended_) return false;
  ::kill(id_, SIGKILL);
  return wait() == 128 + SIGKILL;
}

int Child::wait() {
  int status = 0;
  rusage usage{};
  if (!ended_ && ::wait4(id_, &status, 0, &usage) == id_) note(status, usage);
  return status_;
}

int endurance(int few, int most) { return std::getenv("TAPEHEAD_ENDURANCE") != nullptr ? most : few; }

std::vector<std::string> ragged_run(int shards, const std::vector<std::string>& more) {
  std::vector<std::string> words{"train", "--json", "--shards", std::to_string(shards)};
  for (const auto& [name, value] :
       std::initializer_list<std::pair<const char*, const char*>>{{"--task", "copy"},
                                                                  {"--symbols", "8"},
                                                                  {"--min-length", "2"},
                                                                  {"--max-length", "9"},
                                                                  {"--layers", "1"},
                                                                  {"--d-model", "32"},
                                                                  {"--heads", "2"},
                                                                  {"--d-ff", "64"},
                                                                  {"--dropout", "0.1"},
                                                                  {"--batch", "10"},
                                                                  {"--clip", "1"},
                                                                  {"--log-every", "5"},
                                                                  {"--test-size", "20"},
                                                                  {"--validation-size", "20"}}) {
    if (std::ranges::find(more, name) == more.end()) words.insert(words.end(), {name, value});
  }
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace tapehead
