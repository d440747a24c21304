// Models of plain text: trained, judged, resumed, looked at, and what they write.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

// A text with something to learn: each line counts on.
std::string counting(int lines) {
  std::string text;
  for (int i = 0; i < lines; ++i) text += std::string(1, static_cast<char>('a' + i % 7)) + " goes on\n";
  return text;
}

class TextModels : public InFolder {
 protected:
  // A training run of a moment on that text; `more` adds options or replaces values.
  std::vector<std::string> train(const std::string& out, const std::vector<std::string>& more = {}) const {
    std::vector<std::pair<std::string, std::string>> options{
        {"--text", path("text")}, {"--model", "decoder"}, {"--d-model", "8"},     {"--heads", "2"},
        {"--d-ff", "8"},          {"--layers", "1"},      {"--max-length", "10"}, {"--batch", "8"},
        {"--steps", "12"},        {"--log-every", "4"},   {"--out", out},         {"--validation-share", "0.2"}};
    std::vector<std::string> words{"train"};
    for (const auto& [name, value] : options) {
      if (std::ranges::find(more, name) == more.end()) words.insert(words.end(), {name, value});
    }
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  TextModels() { write("text", counting(60)); }
};

// Bits a character are the loss of a character in bits, over every held-out character once.
TEST_F(TextModels, AreJudgedInBitsACharacter) {
  const Ran ran = run(train(path("run"), {"--validate-every", "6", "--json"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  const nlohmann::json found = run({"eval", path("run"), "--split", "validation", "--json"}).json();
  EXPECT_EQ(found["headline"], "bits_per_character");
  EXPECT_EQ(found["tokens"], 120);
  EXPECT_EQ(found["sequences"], 12);
  EXPECT_NEAR(found["bits_per_character"], found["loss"].get<double>() / std::log(2.0), 1e-9);
  for (const char* none : {"exact_match", "token_accuracy_without_end"}) EXPECT_FALSE(found.contains(none)) << none;
  EXPECT_THAT(lines_of(read("run/metrics.csv")).front(), HasSubstr(",valid_bits_per_character"));
  EXPECT_THAT(lines_of(read("run/metrics.csv")).front(), testing::Not(HasSubstr("exact_match")));
  EXPECT_THAT(run({"eval", path("run")}).out, testing::Not(HasSubstr("end token")));
}

TEST_F(TextModels, GoOnAfterAnInterruptionToTheBit) {
  const auto digest = [](const Ran& ran) { return ran.json()["parameter_digest"]; };
  for (const char* task : {"plain-text", "lines"}) {
    const std::string whole = path(std::string(task) + "whole");
    const std::string parts = path(std::string(task) + "parts");
    const Ran expected = run(train(whole, {"--task", task, "--json", "--dropout", "0.1"}));
    ASSERT_EQ(expected.status, 0) << expected.err;
    run(train(parts, {"--task", task, "--steps", "5", "--dropout", "0.1"}));
    EXPECT_EQ(digest(run({"train", "--resume", "--out", parts, "--steps", "12", "--threads", "1", "--json"})),
              digest(expected))
        << task;
  }
}

// A line in, the line and what follows it out; several texts with an empty line between.
TEST_F(TextModels, GoOnWithALine) {
  run(train(path("run")));
  const Ran one = run({"predict", path("run"), "--max-new-tokens", "30"}, "a go\n");
  EXPECT_EQ(one.status, 0) << one.err;
  EXPECT_THAT(one.out, StartsWith("a go"));
  EXPECT_EQ(one.out.size(), 4 + 30 + 1U);
  const Ran two = run({"predict", path("run"), "--max-new-tokens", "30"}, "a go\n\n");
  EXPECT_THAT(two.out, StartsWith(one.out + "\n\n")) << "an empty line is the end of one";
  const std::vector<std::string> sample{"predict", path("run"), "--search", "sample", "--max-new-tokens", "40"};
  EXPECT_EQ(run(sample, "a\n").out, run(sample, "a\n").out);
  std::vector<std::string> other = sample;
  other.insert(other.end(), {"--seed", "2"});
  EXPECT_NE(run(sample, "a\n").out, run(other, "a\n").out);
}

TEST_F(TextModels, WriteLinesThatBeginAsTheyAreTold) {
  const Ran ran = run(train(path("run"), {"--task", "lines"}));
  EXPECT_THAT(ran.err, HasSubstr("53 of 60 lines stand there before, and are taken once"));
  const Ran found = run({"predict", path("run"), "--search", "sample", "--max-new-tokens", "5"}, "b \n\n");
  EXPECT_EQ(found.status, 0) << found.err;
  ASSERT_EQ(lines_of(found.out).size(), 2U);
  EXPECT_THAT(lines_of(found.out)[0], StartsWith("b "));
  EXPECT_EQ(run({"eval", path("run"), "--split", "validation", "--json"}).json()["headline"], "bits_per_character");
}

TEST_F(TextModels, AreLookedAtAsTheyReadALine) {
  run(train(path("run")));
  const Ran drawn = run({"inspect", path("run"), "--input", "a go"});
  EXPECT_THAT(drawn.out, AllOf(HasSubstr("a ␣ g o"), HasSubstr("rows: the token that comes next")));
  const Ran long_line = run({"inspect", path("run"), "--input", "a goes on, and on"});
  EXPECT_EQ(long_line.status, 2);
  EXPECT_THAT(long_line.err, HasSubstr("the line has 17 tokens, and the model reads 10 at once"));
}

// What was not hidden comes back as it was written.
TEST_F(TextModels, FillInWhatIsHidden) {
  const Ran ran = run(train(path("run"), {"--task", "masked-text", "--model", "encoder"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("by frequency alone"));
  const Ran filled = run({"predict", path("run")}, "a g<mask>es\nb\n");
  ASSERT_EQ(lines_of(filled.out).size(), 2U) << filled.err;
  EXPECT_THAT(lines_of(filled.out)[0], AllOf(StartsWith("a g"), testing::EndsWith("es")));
  EXPECT_EQ(lines_of(filled.out)[1], "b");
  const nlohmann::json judged = run({"eval", path("run"), "--split", "validation", "--json", "--examples", "2"}).json();
  EXPECT_EQ(judged["headline"], "token_accuracy");
  EXPECT_FALSE(judged.contains("token_accuracy_without_end"));
  EXPECT_EQ(judged["examples"].size(), 2U);
}

TEST_F(TextModels, RefuseWhatTheyAreNot) {
  const auto refusal = [](const std::vector<std::string>& words) {
    const Ran ran = run(words);
    EXPECT_EQ(ran.status, 2) << ran.err;
    return ran.err;
  };
  EXPECT_THAT(refusal(train(path("a"), {"--model", "transformer"})),
              HasSubstr("model transformer reads `source`, and task plain-text has none"));
  EXPECT_THAT(refusal(train(path("b"), {"--task", "copy"})), HasSubstr("--text: task copy makes its own data"));
  EXPECT_THAT(refusal(train(path("c"), {"--task", "text"})), HasSubstr("--text: task text reads --train FILE"));
  EXPECT_THAT(refusal({"train", "--task", "lines", "--out", path("no")}),
              HasSubstr("task lines: --text FILE is missing"));
  EXPECT_THAT(refusal(train(path("d"), {"--text", path("nowhere")})), HasSubstr("nowhere"));
  EXPECT_THAT(refusal(train(path("e"), {"--best-metric", "exact_match", "--validate-every", "6"})),
              HasSubstr("best-metric: \"exact_match\" is none of loss"));
  EXPECT_THAT(refusal(train(path("f"), {"--valid", path("text")})),
              HasSubstr("--validation-share: does nothing beside --valid"));
  EXPECT_THAT(refusal(train(path("g"), {"--stride", "11"})), HasSubstr("stride: 11"));
  EXPECT_THAT(refusal(train(path("h"), {"--task", "lines", "--stride", "5"})), HasSubstr("--stride"));
  EXPECT_THAT(refusal(train(path("i"), {"--columns", "1,2"})), HasSubstr("--columns"));
  run(train(path("run")));
  EXPECT_THAT(refusal({"eval", path("run"), "--examples", "3"}), HasSubstr("--examples: nothing asks the model"));
  EXPECT_THAT(refusal({"eval", path("run"), "--train", path("text")}), HasSubstr("--train"));
  run(tiny_train(path("copy")));
  EXPECT_THAT(refusal({"predict", path("copy"), "--max-new-tokens", "3"}), HasSubstr("a model of task copy answers"));
}

// The text may have moved, and a split may be a file of its own.
TEST_F(TextModels, FindTheirTextWhereItIsNow) {
  run(train(path("run")));
  const nlohmann::json before = run({"eval", path("run"), "--split", "validation", "--json"}).json();
  std::filesystem::rename(path("text"), path("moved"));
  EXPECT_EQ(run({"eval", path("run"), "--split", "validation"}).status, 2);
  EXPECT_EQ(run({"eval", path("run"), "--split", "validation", "--text", path("moved"), "--json"}).json()["loss"],
            before["loss"]);
  const Ran held_out = run({"eval", path("run"), "--test", path("moved"), "--json"});
  EXPECT_EQ(held_out.json()["tokens"], 600) << held_out.err;
}

}  // namespace
}  // namespace tapehead
