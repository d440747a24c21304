// Images from files, through the program: trained, judged, asked and looked at.

#include <gmock/gmock.h>

#include "autograd/base/random.hpp"
#include "experiments/analysis/image_maps.hpp"
#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// Images of 4 × 4 pixels from 0 to 9, whose class is their brightest quarter.
std::string quarters(std::uint64_t seed, std::uint32_t count) {
  const RandomStream random(seed, Purpose::test);
  std::string text;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto brightest = random.below(4, i, 99);
    for (std::uint32_t p = 0; p < 16; ++p) {
      const std::uint32_t quarter = p / 8 * 2 + p % 4 / 2;
      text += std::to_string(random.below(5, i, p) + (quarter == brightest ? 5 : 0)) + ",";
    }
    text += std::to_string(brightest) + "\n";
  }
  return text;
}

class ImageRuns : public InFolder {
 protected:
  // A run that takes a moment; `more` adds options or replaces values.
  std::vector<std::string> words(const std::string& out, const std::vector<std::string>& more = {}) const {
    std::vector<std::pair<std::string, std::string>> options{
        {"--task", "images"}, {"--model", "vision"}, {"--train", train_}, {"--test", test_}, {"--patch", "2x2"},
        {"--layers", "2"},    {"--heads", "2"},      {"--d-model", "16"}, {"--d-ff", "16"},  {"--batch", "16"},
        {"--steps", "60"},    {"--lr", "0.01"},      {"--out", path(out)}};
    std::vector<std::string> all{"train"};
    for (const auto& [name, value] : options) {
      if (std::ranges::find(more, name) == more.end()) all.insert(all.end(), {name, value});
    }
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  const std::string train_ = write("train.csv", quarters(1, 200));
  const std::string test_ = write("test.csv", quarters(2, 50));
};

TEST_F(ImageRuns, AreTrainedJudgedAskedAndLookedAt) {
  for (const char* pooling : {"first", "mean"}) {
    const std::string out = std::string("run_") + pooling;
    const Ran trained = run(words(out, {"--pooling", pooling, "--validation-size", "40", "--validate-every", "20"}));
    ASSERT_EQ(trained.status, 0) << trained.err;
    const std::string config = read(out + "/config.cfg");
    for (const char* line : {"image = 4x4\n", "pixel-max = 9\n", "patch = 2x2\n", "positions = learned\n"}) {
      EXPECT_THAT(config, HasSubstr(line)) << "what was left to the data, and to the family, is written down";
    }
    EXPECT_THAT(config, testing::Not(HasSubstr("max-"))) << "images have no length";

    const auto judged = run({"eval", path(out), "--json", "--examples", "3"}).json();
    EXPECT_EQ(judged["sequences"], 50);
    EXPECT_EQ(judged["tokens"], 50);
    EXPECT_GT(judged["exact_match"], 0.9);
    EXPECT_EQ(judged["slices"]["class"].size(), 4U);
    EXPECT_EQ(judged["examples"][1]["image"].size(), 4U);
    const std::string first_line = lines_of(read("test.csv"))[0];
    EXPECT_NEAR(judged["examples"][0]["image"][0][0].get<double>(), (first_line[0] - '0') / 9.0, 1e-6);
    EXPECT_EQ(judged["examples"][0]["expected"], std::string(1, first_line.back()));
    EXPECT_EQ(run({"eval", path(out), "--split", "validation", "--json"}).json()["sequences"], 40);
    const Ran shown = run({"eval", path(out), "--examples", "1"});
    EXPECT_THAT(shown.out, AllOf(HasSubstr("\n  → "), HasSubstr("|\n")));
    // What is written is what is judged, whether by one pass or decoded.
    EXPECT_EQ(run({"eval", path(out), "--decode", "--json"}).json()["exact_match"], judged["exact_match"]);

    std::string lines, classes;
    for (const std::string& line : lines_of(read("test.csv"))) {
      lines += line.substr(0, line.rfind(',')) + "\n";
      classes += line.substr(line.rfind(',') + 1);
    }
    const Ran written = run({"predict", path(out)}, lines);
    EXPECT_EQ(written.status, 0) << written.err;
    int right = 0;
    const std::vector<std::string> answers = lines_of(written.out);
    ASSERT_EQ(answers.size(), 50U);
    for (std::size_t i = 0; i < 50; ++i) right += answers[i] == std::string(1, classes[i]);
    EXPECT_EQ(right, std::lround(50 * judged["exact_match"].get<double>()));

    const auto maps = run({"inspect", path(out), "--example", "1", "--json"}).json();
    const std::size_t positions = std::string(pooling) == "first" ? 5 : 4;
    EXPECT_EQ(maps["keys"].size(), positions);
    EXPECT_EQ(maps["keys"][positions - 1], "1,1");
    EXPECT_EQ(maps["heads"].size(), 2U);
    EXPECT_EQ(maps["image"].size(), 4U);
    EXPECT_EQ(maps["output"][0], answers[1]);
    ASSERT_EQ(maps["rollout"].size(), positions);
    double sum = 0;
    for (const auto& share : maps["rollout"][0]) sum += share.get<double>();
    EXPECT_NEAR(sum, 1, 1e-5);
    const Ran looked = run({"inspect", path(out), "--example", "1"});
    EXPECT_THAT(looked.out, AllOf(HasSubstr("→ " + answers[1]), HasSubstr("encoder.layers.1.self_attention, head 1"),
                                  HasSubstr("rollout of attention over all layers")));
    // The same image, typed.
    const std::string second = lines_of(lines)[1];
    EXPECT_EQ(run({"inspect", path(out), "--input", second, "--json"}).json(), maps);

    EXPECT_THAT(run({"summary", path(out)}).out,
                AllOf(HasSubstr("projection"), HasSubstr("operations forward for a position")));
    EXPECT_EQ(run({"gradcheck", "--leaks", "--checkpoint", path(out)}).status, 0);
  }
}

TEST_F(ImageRuns, AreResumedAndTakeOtherWeights) {
  ASSERT_EQ(run(words("run", {"--steps", "10", "--schedule", "constant"})).status, 0);
  ASSERT_EQ(run(words("whole", {"--schedule", "constant", "--steps", "20"})).status, 0);
  const Ran resumed = run({"train", "--resume", "--out", path("run"), "--steps", "20", "--json"});
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  const auto digest = [&](const std::string& folder) {
    return run({"train", "--resume", "--out", path(folder), "--json"}).json()["parameter_digest"];
  };
  EXPECT_EQ(digest("run"), digest("whole"));
  const Ran begun = run(words("other", {"--init", path("whole"), "--steps", "0"}));
  ASSERT_EQ(begun.status, 0) << begun.err;
  EXPECT_EQ(run({"eval", path("other"), "--json"}).json()["loss"],
            run({"eval", path("whole"), "--json"}).json()["loss"]);
}

TEST_F(ImageRuns, WhatDoesNotGoTogetherIsRefusedByName) {
  const auto refused = [&](const std::vector<std::string>& more, const std::string& message) {
    const Ran ran = run(words("no", more));
    EXPECT_EQ(ran.status, 2) << message;
    EXPECT_THAT(ran.err, HasSubstr(message));
  };
  refused({"--model", "decoder"}, "--model: decoder does not apply to task images");
  refused({"--model", "encoder"}, "--model: encoder does not apply to task images");
  refused({"--task", "text"}, "--patch: does not apply to task text");
  refused({"--patch", "3x3"}, "patch: patches of 3x3 do not fill an image of 4x4");
  refused({"--patch", "3"}, "--patch: \"3\" is not a height and a width");
  refused({"--max-length", "5"}, "--max-length: does not apply to task images");
  refused({"--columns", "1,2"}, "--columns: does not apply to task images");
  refused({"--tokenizer", "char"}, "--tokenizer: does not apply to task images");
  refused({"--max-positions", "100"}, "--max-positions: does not apply to model vision");
  refused({"--tie", "output"}, "--tie: does not apply to model vision");
  refused({"--position-range", "100"}, "position-range: images have all one size");
  refused({"--pixel-max", "8"}, "train.csv:1: a pixel of 9 is more than the largest, 8");
  refused({"--test-size", "10"}, "test-size: --test names a file of such images");
  refused({"--positions", "sinusoidal_2d", "--d-model", "18", "--d-head", "8"},
          "sinusoidal_2d needs a d-model that 4 divides");
  EXPECT_THAT(run({"train", "copy", "--patch", "2x2", "--out", path("no")}).err,
              HasSubstr("--patch: does not apply to task copy"));
  EXPECT_THAT(run({"train", "copy", "--model", "vision", "--out", path("no")}).err,
              HasSubstr("--model: vision does not apply to task copy"));
  EXPECT_THAT(run({"train", "copy", "--positions", "sinusoidal_2d", "--out", path("no")}).err,
              HasSubstr("--positions: sinusoidal_2d does not apply to model transformer"));
  EXPECT_THAT(run({"train", "copy", "--pooling", "mean", "--out", path("no")}).err,
              HasSubstr("--pooling: does not apply"));
  EXPECT_THAT(run({"train", "--task", "images", "--out", path("no")}).err,
              HasSubstr("task images: --train FILE is missing"));

  ASSERT_EQ(run(words("run", {"--steps", "1"})).status, 0);
  EXPECT_THAT(run({"inspect", path("run")}).err, HasSubstr("inspect: say what is looked at"));
  EXPECT_THAT(run({"inspect", path("run"), "--example", "50"}).err,
              HasSubstr("--example: the test split has 50 examples"));
  EXPECT_THAT(run({"inspect", path("run"), "--input", "1,2"}).err,
              HasSubstr("the line has 2 pixels, and an image of 4x4 has 16"));
  EXPECT_THAT(run({"eval", path("run"), "--columns", "1,2"}).err,
              HasSubstr("--columns: does not apply to task images"));
  const Ran bad = run({"predict", path("run")}, "1,2\n\n" + std::string("1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7\n"));
  EXPECT_EQ(bad.status, 2);
  EXPECT_EQ(lines_of(bad.out).size(), 3U);
  EXPECT_THAT(bad.err, HasSubstr("standard input:1: the line has 2 pixels"));
  // An example that is held out may be looked at of other data too.
  EXPECT_EQ(run({"inspect", path("run"), "--example", "0", "--test", train_}).status, 0);
}

// Two layers by hand: half of each position stays, half is what its heads attend to on average.
TEST(AttentionRollout, IsTheProductOfAttentionAndResidualPaths) {
  const auto matrix = [](std::vector<double> values) {
    Matrix m(2, 2);
    m.values = std::move(values);
    return m;
  };
  const std::vector<std::vector<Matrix>> layers{{matrix({1, 0, 0.5, 0.5}), matrix({0, 1, 0.5, 0.5})},
                                                {matrix({0, 1, 0, 1})}};
  // Â_1 = ½ (½ ½; ½ ½) + ½ I = (0.75 0.25; 0.25 0.75), Â_2 = ½ (0 1; 0 1) + ½ I = (0.5 0.5; 0 1).
  const std::optional<Matrix> rolled = attention_rollout(layers);
  ASSERT_TRUE(rolled);
  EXPECT_THAT(rolled->values, ElementsAre(0.5, 0.5, 0.25, 0.75));
  EXPECT_THAT(attention_to_patches(*rolled, true), ElementsAre(0.5));
  EXPECT_THAT(attention_to_patches(*rolled, false), ElementsAre(0.375, 0.625));
  EXPECT_FALSE(attention_rollout(std::vector<std::vector<Matrix>>{{matrix({1, -1, 0, 1})}}));
  EXPECT_FALSE(attention_rollout({}));
}

}  // namespace
}  // namespace tapehead
