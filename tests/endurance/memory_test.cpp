// The memory that a run was said to take, beside the memory that it took.

#include <gmock/gmock.h>

#include <fmt/format.h>

#include "tests/endurance/child.hpp"
#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

class Memory : public InFolder, public testing::WithParamInterface<std::vector<std::string>> {
 protected:
  // Options that change nothing of a step's memory, and are quick.
  static std::vector<std::string> with(std::vector<std::string> words) {
    for (const char* word : {"--schedule", "constant", "--test-size", "1", "--validation-size", "1"}) {
      words.emplace_back(word);
    }
    return words;
  }

  double peak(std::vector<std::string> words) {
    words.insert(words.begin(), {"train", "copy"});
    words.insert(words.end(), {"--steps", "3", "--out", path("run")});
    std::filesystem::remove_all(path("run"));
    Child child(TAPEHEAD_PROGRAM, with(words), path("log"));
    EXPECT_EQ(child.wait(), 0) << read("log");
    return child.peak_bytes();
  }
};

TEST_P(Memory, IsWithinAFactorOfTwoOfTheEstimate) {
  std::vector<std::string> words = GetParam();
  words.insert(words.begin(), {"summary", "copy"});
  words.emplace_back("--json");
  const double estimate = run(with(words)).json()["memory_bytes"];
  // The program and its libraries take some memory whatever they do.
  const double program = peak({"--layers", "1", "--d-model", "8", "--heads", "1", "--d-ff", "8", "--batch", "1"});
  const double found = peak(GetParam()) - program;
  std::cout << fmt::format("estimated {:.0f} MiB, taken {:.0f} MiB\n", estimate / (1 << 20), found / (1 << 20));
  EXPECT_LT(found, 2 * estimate);
  EXPECT_GT(found, estimate / 2);
}

using MemoryOfProgram = InFolder;

// Sequences that are long beside a small batch: all of them at once would take twenty times a step.
TEST_F(MemoryOfProgram, ValidationsAreSmallAndInTheEstimate) {
  const std::vector<std::string> options{"--task",       "copy", "--batch",      "1",   "--layers",          "1",
                                         "--min-length", "300",  "--max-length", "300", "--validation-size", "24",
                                         "--test-size",  "1",    "--threads",    "1"};
  std::vector<std::string> summary{"summary", "--json"};
  std::vector<std::string> train{"train", "--steps", "1", "--out", path("run")};
  summary.insert(summary.end(), options.begin(), options.end());
  train.insert(train.end(), options.begin(), options.end());
  const double estimate = run(summary).json()["memory_bytes"];
  Child program(TAPEHEAD_PROGRAM, {"version"}, path("log"));
  EXPECT_EQ(program.wait(), 0);
  Child child(TAPEHEAD_PROGRAM, train, path("log"));
  EXPECT_EQ(child.wait(), 0) << read("log");
  const double found = child.peak_bytes() - program.peak_bytes();
  std::cout << fmt::format("estimated {:.0f} MiB, taken {:.0f} MiB\n", estimate / (1 << 20), found / (1 << 20));
  EXPECT_LT(found, 2 * estimate);
  EXPECT_GT(found, estimate / 2);
}

TEST_F(MemoryOfProgram, WhatIsDescribedOrRefusedIsNotMade) {
  const std::string vectors = [&] {
    std::string text;
    for (int i = 0; i < 5000; ++i) text += "1 2\n";
    return write("vectors.csv", text);
  }();
  const std::pair<std::vector<std::string>, int> cases[] = {
      {{"summary", "copy", "--d-model", "512", "--max-positions", "50000"}, 0},
      {{"bench", "--length", "1000000", "--batch", "1000000"}, 2},
      {{"attend", "--query", vectors, "--key", vectors}, 2},
  };
  for (const auto& [words, status] : cases) {
    Child child(TAPEHEAD_PROGRAM, words, path("log"));
    EXPECT_EQ(child.wait(), status) << read("log");
    EXPECT_LT(child.peak_bytes(), 64 << 20) << words[0];
  }
}

// Many examples are decoded a few at a time, whatever else the machine has room for.
TEST_F(MemoryOfProgram, ExamplesAreDecodedAFewAtATime) {
  ASSERT_EQ(run({"train", "copy", "--steps", "0", "--schedule", "constant", "--test-size", "1000", "--validation-size",
                 "1", "--out", path("run")})
                .status,
            0);
  const auto peak = [&](const char* examples) {
    Child child(TAPEHEAD_PROGRAM, {"eval", path("run"), "--threads", "1", "--examples", examples}, path("log"));
    EXPECT_EQ(child.wait(), 0) << read("log");
    return child.peak_bytes();
  };
  EXPECT_LT(peak("1000"), peak("1") + (64 << 20));
}

INSTANTIATE_TEST_SUITE_P(
    Runs, Memory,
    testing::Values(
        std::vector<std::string>{"--d-model", "256", "--d-ff", "1024"},
        std::vector<std::string>{"--d-model", "128", "--batch", "512", "--max-length", "40"},
        std::vector<std::string>{"--dropout", "0.1", "--batch", "512", "--symbols", "10000", "--threads", "1"},
        std::vector<std::string>{"--max-length", "300", "--batch", "64", "--heads", "8"},
        std::vector<std::string>{"--max-length", "1200", "--batch", "8", "--shards", "8"},
        std::vector<std::string>{"--max-length", "300", "--batch", "32", "--heads", "8", "--attention", "composed"},
        std::vector<std::string>{"--d-model", "256", "--d-ff", "256", "--score", "cosine"},
        std::vector<std::string>{"--model", "rnn", "--d-model", "512", "--batch", "256"},
        std::vector<std::string>{"--model", "rnn_without_attention", "--cell", "lstm", "--d-model", "256", "--batch",
                                 "512", "--max-length", "60"},
        std::vector<std::string>{"--model", "convolution", "--d-model", "256", "--batch", "256"},
        std::vector<std::string>{"--model", "decoder", "--d-model", "512", "--layers", "6", "--d-ff", "2048",
                                 "--optimizer", "sgd", "--batch", "8"},
        std::vector<std::string>{"--precision", "double", "--batch", "512", "--shards", "16", "--attention", "tiled"}));

}  // namespace
}  // namespace tapehead
