#include <gmock/gmock.h>

#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

class Predict : public InFolder {};

TEST_F(Predict, SamplesByTheSeedAndTheNumberOfTheLine) {
  ASSERT_EQ(run(tiny_train(path("run"))).status, 0);
  const auto sampled = [&](const std::vector<std::string>& more, const std::string& input) {
    std::vector<std::string> words{"predict", path("run"), "--search", "sample"};
    words.insert(words.end(), more.begin(), more.end());
    const Ran ran = run(words, input);
    EXPECT_EQ(ran.status, 0) << ran.err;
    return lines_of(ran.out);
  };
  const std::string input = "1 2 3\n\n4 5\n1 2 3\n0\n";
  const std::vector<std::string> lines = sampled({"--seed", "7"}, input);
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[1], "");
  EXPECT_EQ(sampled({"--seed", "7"}, input), lines);
  EXPECT_NE(sampled({"--seed", "8"}, input), lines);
  EXPECT_EQ(sampled({}, input), sampled({"--seed", "1"}, input));
  const std::vector<std::string> others = sampled({"--seed", "7"}, "2\n3 3 3\n4 5\n1\n0\n");
  EXPECT_EQ(std::pair(others[2], others[4]), std::pair(lines[2], lines[4])) << "the same lines in the same places";
  EXPECT_EQ(sampled({"--top-k", "1"}, input), lines_of(run({"predict", path("run")}, input).out));
  EXPECT_EQ(sampled({"--temperature", "0.000001"}, input), sampled({"--top-p", "0.000001"}, input));
}

TEST_F(Predict, RefusesWhatItsSearchDoesNotTake) {
  const auto refusal = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{"predict", path("run")};
    words.insert(words.end(), more.begin(), more.end());
    const Ran ran = run(words);
    EXPECT_EQ(ran.status, 2);
    return ran.err;
  };
  EXPECT_EQ(refusal({"--temperature", "0.5"}),
            "tapehead: --temperature: does not apply to search greedy (default); it is for search sample\n");
  EXPECT_EQ(refusal({"--seed", "5"}),
            "tapehead: --seed: does not apply to search greedy (default); it is for search sample\n");
  EXPECT_EQ(refusal({"--search", "beam"}), "tapehead: --search: \"beam\" is none of greedy, sample\n");
  EXPECT_EQ(refusal({"--search", "sample", "--temperature", "0"}),
            "tapehead: --temperature: must be more than 0, not 0\n");
  EXPECT_EQ(refusal({"--search", "sample", "--top-p", "1.5"}), "tapehead: --top-p: must be at most 1, not 1.5\n");
  EXPECT_EQ(refusal({"--search", "sample", "--top-k", "-1"}), "tapehead: --top-k: must be at least 0, not -1\n");
}

TEST_F(Predict, AsJsonEachLineIsAnObject) {
  ASSERT_EQ(run(tiny_train(path("run"))).status, 0);
  const std::string input = "1 2 3\n\n9 9\n4 \"5\n5\n";
  const Ran text = run({"predict", path("run")}, input);
  const Ran json = run({"predict", path("run"), "--json"}, input);
  EXPECT_EQ(json.status, text.status);
  EXPECT_EQ(json.err, text.err);
  const std::vector<std::string> outputs = lines_of(text.out), objects = lines_of(json.out), inputs = lines_of(input);
  ASSERT_EQ(objects.size(), inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const nlohmann::json object = nlohmann::json::parse(objects[i]);
    EXPECT_EQ(object["input"], inputs[i]);
    EXPECT_EQ(object["output"], outputs[i].empty() ? nlohmann::json(nullptr) : nlohmann::json(outputs[i])) << i;
  }
}

TEST_F(Predict, InspectDrawsItsMapsIntoAPicture) {
  ASSERT_EQ(run(tiny_train(path("run"))).status, 0);
  const auto panels = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{"inspect", path("run"), "--input", "1 2 3", "--svg", path("a.svg")};
    words.insert(words.end(), more.begin(), more.end());
    const Ran ran = run(words);
    EXPECT_EQ(ran.status, 0) << ran.err;
    const std::string svg = read("a.svg");
    EXPECT_TRUE(svg.starts_with("<svg "));
    std::vector<bool> drawn;
    for (const char* head : {"cross_attention, head 0<", "cross_attention, head 1<"}) {
      drawn.push_back(svg.find(head) != std::string::npos);
    }
    return drawn;
  };
  EXPECT_EQ(panels({}), (std::vector{true, true}));
  EXPECT_EQ(panels({"--head", "1", "--json"}), (std::vector{false, true}));
}

}  // namespace
}  // namespace tapehead
