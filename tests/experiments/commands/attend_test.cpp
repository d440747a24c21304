// What `attend` says beside its results, and refuses.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <tuple>

#include "tests/experiments/program_support.hpp"
#include "trainers/tensor_file.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

class AttendCommand : public InFolder {};

// What a stage learns and nobody gave: numbers that look like results are not shown without a word.
TEST_F(AttendCommand, SaysWhichStagesAreUntrained) {
  const auto attended = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"attend", "--query", "1,2;0,1", "--key", "1,0;1,1", "--json"});
    return run(words);
  };
  const Ran plain = attended({});
  EXPECT_EQ(plain.err, "");
  EXPECT_FALSE(plain.json().contains("untrained"));
  const std::string end = "; --input FILE may give others\n";
  const Ran drawn = attended({"--score", "additive"});
  EXPECT_EQ(drawn.err, "untrained: Wq, Wk, u of score additive are drawn with seed 1" + end);
  EXPECT_EQ(drawn.json()["untrained"],
            nlohmann::json::parse(R"([{"option": "score", "choice": "additive", "parameters": ["Wq", "Wk", "u"],
                                       "start": "drawn with seed 1", "drawn": true}])"));
  EXPECT_EQ(attended({"--score", "additive", "--seed", "1"}).out, drawn.out);
  const Ran other = attended({"--score", "additive", "--seed", "2"});
  EXPECT_THAT(other.err, HasSubstr("drawn with seed 2"));
  EXPECT_NE(other.json()["scores"], drawn.json()["scores"]);
  EXPECT_EQ(
      attended({"--seed", "2"}).err,
      "tapehead: --seed: does nothing here, where nothing is drawn; --score additive and bilinear draw weights\n");
  for (const auto& [option, choice, what] :
       {std::tuple{"--score", "bilinear", "W of score bilinear is drawn with seed 1"},
        {"--positions", "t5", "table of positions t5 is 0"},
        {"--positions", "table", "bias of positions table is 0"},
        {"--positions", "shaw", "a of positions shaw is 0"},
        {"--scale", "learned", "scale learned is inv_sqrt_dk, 0.7071"},
        {"--head-gate", "learned", "gate of head-gate learned is 1"},
        {"--normalizer", "learned_sink", "sink of normalizer learned_sink is 0"},
        {"--head-mixing", "differential", "lam of head-mixing differential is 0.8"},
        {"--head-mixing", "talking", "P, W of head-mixing talking are the identity"}}) {
    EXPECT_EQ(attended({option, choice}).err, fmt::format("untrained: {}{}", what, end));
  }
  EXPECT_EQ(attended({"--score", "bilinear", "--scale", "learned", "--positions", "t5"}).err,
            "untrained: W of score bilinear is drawn with seed 1; table of positions t5 is 0; scale learned is "
            "inv_sqrt_dk, 0.7071" +
                end);
  Tensors input{{"q", {{1, 1, 1, 2}, {1, 2}}},
                {"k", {{1, 1, 1, 2}, {1, 0}}},
                {"v", {{1, 1, 1, 2}, {1, 0}}},
                {"W", {{1, 2, 2}, {1, 2, 3, 4}}}};
  write_tensors(path("in.h5"), input);
  EXPECT_EQ(run({"attend", "--input", path("in.h5"), "--score", "bilinear"}).err, "") << "all is given";
}

// An option whose effect nobody would see is refused, or seen.
TEST_F(AttendCommand, RefusesWhatIsSeenNowhere) {
  write_tensors(path("in.h5"), {{"q", {{1, 1, 1, 1}, {1}}}, {"k", {{1, 1, 1, 1}, {1}}}, {"v", {{1, 1, 1, 1}, {1}}}});
  struct Case {
    std::string option, value;
    bool in_svg, in_json;
  };
  for (const auto& [option, value, in_svg, in_json] : {Case{"head", "0", true, false},
                                                       {"example", "0", true, false},
                                                       {"query-names", "a", true, true},
                                                       {"key-names", "a", true, true},
                                                       {"show-mask", "", true, true},
                                                       {"digits", "2", false, false},
                                                       {"color", "always", false, false}}) {
    for (const bool json : {false, true}) {
      for (const bool svg : {false, true}) {
        std::vector<std::string> words{"attend", "--input", path("in.h5"), "--" + option};
        if (!value.empty()) words.push_back(value);
        if (json) words.emplace_back("--json");
        if (!json) words.insert(words.end(), {"--output", path("out.h5")});
        if (svg) words.insert(words.end(), {"--svg", path("out.svg")});
        const Ran ran = run(words);
        const bool seen = (json && in_json) || (svg && in_svg);
        EXPECT_EQ(ran.status, seen ? 0 : 2) << option << json << svg << ran.err;
        if (seen) continue;
        EXPECT_THAT(ran.err, testing::StartsWith("tapehead: --" + option + ": does nothing with --"));
      }
    }
  }
}

TEST_F(AttendCommand, SaysWhichNameIsEmpty) {
  EXPECT_EQ(run({"attend", "--query", "1", "--key", ""}).err, "tapehead: --key: is empty; give FILE|NUMBERS\n");
  EXPECT_EQ(run({"attend", "--query", "1", "--key", "1", "--svg", ""}).err,
            "tapehead: --svg: is empty; give FILE.svg\n");
  EXPECT_EQ(run({"attend", "--query", "1", "--key", "1", "--output", ""}).err,
            "tapehead: --output: is empty; give FILE.h5\n");
  EXPECT_EQ(run({"train", "--config", "", "--out", path("x")}).err, "tapehead: --config: is empty; give FILE\n");
  EXPECT_EQ(run({"attend", "--input", ""}).err, "tapehead: --input: is empty; give an HDF5 file\n");
  EXPECT_EQ(run({"ablate", "copy", "--vary", "", "--out", path("x")}).err,
            "tapehead: --vary: is empty; give NAME=A,B,…\n");
  EXPECT_EQ(run({"train", "copy", "--out", ""}).err, "tapehead: --out: is empty; give DIR\n");
}

TEST_F(AttendCommand, SaysThatAFirstLineOfWordsIsAHeading) {
  const std::string named = write("named.csv", "a,b\n1,0\n0,1\n");
  EXPECT_EQ(run({"attend", "--query", named, "--key", "1,0", "--value", named}).status, 2) << "1 key, 2 values";
  const Ran ran = run({"attend", "--query", named, "--key", "1,0;0,1", "--value", named});
  const std::string note = named + ": its first line, of words, is taken as the heading: a, b\n";
  EXPECT_EQ(ran.err, note + note);
  EXPECT_EQ(run({"attend", "--query", "1,0", "--key", "1,0"}).err, "");
  EXPECT_THAT(run({"attend", "--help"}).out, HasSubstr("line of words that names the columns"));
}

}  // namespace
}  // namespace tapehead
