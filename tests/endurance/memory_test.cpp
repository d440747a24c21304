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

INSTANTIATE_TEST_SUITE_P(
    Runs, Memory,
    testing::Values(
        std::vector<std::string>{"--d-model", "256", "--d-ff", "1024"},
        std::vector<std::string>{"--d-model", "128", "--batch", "512", "--max-length", "40"},
        std::vector<std::string>{"--dropout", "0.1", "--batch", "512", "--symbols", "10000", "--threads", "1"},
        std::vector<std::string>{"--max-length", "300", "--batch", "64", "--heads", "8"},
        std::vector<std::string>{"--max-length", "1200", "--batch", "8", "--shards", "8"},
        std::vector<std::string>{"--model", "decoder", "--d-model", "512", "--layers", "6", "--d-ff", "2048",
                                 "--optimizer", "sgd", "--batch", "8"},
        std::vector<std::string>{"--precision", "double", "--batch", "512", "--shards", "16", "--attention", "tiled"}));

}  // namespace
}  // namespace tapehead
