#pragma once

// Runs the program inside the test, and folders to run it in.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "experiments/program/program.hpp"

namespace tapehead {

struct Ran {
  int status = 0;
  std::string out, err;

  nlohmann::json json() const { return nlohmann::json::parse(out); }
};

/// In lines so long that no table is cut, unless `width` says otherwise.
inline Ran run(const std::vector<std::string>& words, const std::string& input = {}, std::size_t width = 1000) {
  TextSource in(input, "standard input");
  std::ostringstream out, err;
  Console console{in, out, err, false, false, width};
  const int status = run_program(words, console);
  return {status, out.str(), err.str()};
}

/// A folder of its own for each test, gone afterwards.
class InFolder : public testing::Test {
 protected:
  InFolder() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    root_ = std::filesystem::temp_directory_path() /
            ("tapehead_" + std::string(test->test_suite_name()) + test->name() + std::to_string(getpid()));
    std::filesystem::create_directories(root_);
  }
  ~InFolder() override { std::filesystem::remove_all(root_); }

  std::string path(const std::string& name) const { return (root_ / name).string(); }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
    return path(name);
  }

  std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(path(name)).rdbuf();
    return text.str();
  }

 private:
  std::filesystem::path root_;
};

/// Training and what comes after it, on models small enough to take a moment.
class Runs : public InFolder {};

/// The words of a training run that takes a moment; `more` adds options or replaces values.
inline std::vector<std::string> tiny_train(const std::string& out, const std::vector<std::string>& more = {}) {
  std::vector<std::pair<std::string, std::string>> options{{"--task", "copy"},
                                                           {"--symbols", "6"},
                                                           {"--min-length", "2"},
                                                           {"--max-length", "5"},
                                                           {"--d-model", "8"},
                                                           {"--heads", "2"},
                                                           {"--d-ff", "8"},
                                                           {"--layers", "1"},
                                                           {"--batch", "8"},
                                                           {"--steps", "12"},
                                                           {"--log-every", "4"},
                                                           {"--test-size", "20"},
                                                           {"--validation-size", "10"},
                                                           {"--out", out}};
  std::vector<std::string> words{"train"};
  for (const auto& [name, value] : options) {
    if (std::ranges::find(more, name) == more.end()) words.insert(words.end(), {name, value});
  }
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// The same run as a grid: `more` holds at least one `--vary NAME=A,B,…`.
inline std::vector<std::string> tiny_ablate(const std::string& out, const std::vector<std::string>& more) {
  std::vector<std::string> words = tiny_train(out, more);
  words.front() = "ablate";
  for (std::size_t i = 0; i + 1 < more.size(); ++i) {
    if (more[i] != "--vary") continue;
    const auto varied = std::ranges::find(words, "--" + more[i + 1].substr(0, more[i + 1].find('=')));
    if (varied != words.end()) words.erase(varied, varied + 2);
  }
  return words;
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace tapehead
