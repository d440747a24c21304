// Training that starts from another run's weights (--init): they must mean the same here, and words are matched by
// word.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <array>

#include "experiments/runs/initial_weights.hpp"
#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

class InitialWeights : public InFolder {
 protected:
  std::vector<std::string> text_run(const std::string& out, const std::string& file,
                                    const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"train"};
    const std::vector<std::pair<std::string, std::string>> options{{"--train", file},  {"--test", path("test.tsv")},
                                                                   {"--d-model", "8"}, {"--heads", "2"},
                                                                   {"--d-ff", "8"},    {"--layers", "1"},
                                                                   {"--batch", "4"},   {"--seed", "3"},
                                                                   {"--steps", "20"},  {"--out", path(out)}};
    for (const auto& [name, value] : options) {
      if (std::ranges::find(more, name) == more.end()) words.insert(words.end(), {name, value});
    }
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  void write_text() const {
    write("some.tsv", "a b\tA B\nb c\tB C\na c\tA C\n");
    write("test.tsv", "a b\tA B\nc b\tC B\n");
    // The same words, c and C the most frequent.
    write("other_order.tsv", "a b\tA B\nb c\tB C\na c\tA C\nc c\tC C\nc c\tC C\n");
    write("more_words.tsv", "a b\tA B\nb c\tB C\na d\tA D\n");
  }
};

// Of the model's options those with the same shapes are of two kinds: with some the same numbers compute something
// else.
TEST_F(InitialWeights, OptionsThatGiveThemAnotherMeaningAreRefusedByName) {
  ASSERT_EQ(run(tiny_train(path("first"))).status, 0);
  std::vector<std::pair<std::string, std::string>> another{{"heads", "4"},
                                                           {"scale", "none"},
                                                           {"activation", "gelu"},
                                                           {"norm", "post"},
                                                           {"norm-kind", "rms"},
                                                           {"positions", "none"},
                                                           {"tie", "output"},
                                                           {"model", "decoder"},
                                                           {"mixer", "retention"},
                                                           {"d-head", "2"},
                                                           {"score", "cosine"},
                                                           {"score-cap", "5"},
                                                           {"normalizer", "top"},
                                                           {"head-split", "reshape"},
                                                           {"head-mixing", "talking"},
                                                           {"head-gate", "learned"},
                                                           {"attention-mask", "window(2)"},
                                                           {"residual", "parallel"},
                                                           {"norm-epsilon", "0.001"},
                                                           {"embedding-scale", "none"}};
  for (const auto& [name, value] : another) {
    const Ran ran = run(tiny_train(path("second"), {"--init", path("first"), "--" + name, value}));
    EXPECT_EQ(ran.status, 2) << name;
    EXPECT_THAT(ran.err, testing::AllOf(HasSubstr("--init: "), HasSubstr(fmt::format("was trained with {} ", name)),
                                        HasSubstr(fmt::format(", not {},", value))));
    EXPECT_FALSE(std::filesystem::exists(path("second"))) << name;
  }
  // Those that apply beside another option alone.
  struct Beside {
    const char *option, *word, *name, *value, *before;
  };
  for (const auto& [option, word, name, value, before] :
       {Beside{"--normalizer", "top", "top-keys", "2", "8"}, Beside{"--positions", "t5", "furthest", "50", "128"},
        Beside{"--positions", "rotary", "rotary-base", "100", "10000"},
        Beside{"--positions", "rotary", "rotary-share", "0.5", "1"},
        Beside{"--positions", "rotary", "rotary-layout", "pairs", "halves"},
        Beside{"--layers", "3", "distinct-layers", "1", "0"},
        Beside{"--layers", "3", "value-residual", "equal", "none"}}) {
    std::filesystem::remove_all(path("beside"));
    ASSERT_EQ(run(tiny_train(path("beside"), {option, word})).status, 0) << word;
    const std::string flag = std::string("--") + name;
    EXPECT_THAT(run(tiny_train(path("second"), {"--init", path("beside"), option, word, flag, value})).err,
                HasSubstr(fmt::format("was trained with {} {}, not {},", name, before, value)));
    another.emplace_back(name, value);
  }
  // Those of families that have no feed-forward layers.
  for (const auto& [model, name, value, before] : {std::array{"rnn", "cell", "lstm", "gru"},
                                                   {"rnn", "bidirectional", "no", "yes"},
                                                   {"rnn", "input-feeding", "yes", "no"},
                                                   {"convolution", "kernel-width", "5", "3"}}) {
    std::filesystem::remove_all(path("family"));
    std::vector<std::string> words = tiny_train(path("family"), {"--model", model});
    const auto inner = std::ranges::find(words, "--d-ff");
    words.erase(inner, inner + 2);
    ASSERT_EQ(run(words).status, 0) << model;
    *std::ranges::find(words, path("family")) = path("second");
    words.insert(words.end(), {"--init", path("family"), std::string("--") + name, value});
    EXPECT_THAT(run(words).err, HasSubstr(fmt::format("was trained with {} {}, not {},", name, before, value)));
    another.emplace_back(name, value);
  }
  // And of images.
  const std::string images = write("images.csv", "0,1,2,3,a\n3,2,1,0,b\n");
  const auto of_images = [&](const std::string& out, const std::vector<std::string>& more) {
    std::vector<std::string> words{"train",   "digits",    "--train",    images,     "--layers", "1",       "--heads",
                                   "1",       "--d-model", "4",          "--d-ff",   "4",        "--steps", "1",
                                   "--batch", "2",         "--schedule", "constant", "--out",    path(out)};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  };
  ASSERT_EQ(of_images("seen", {"--patch", "1x2"}).status, 0);
  EXPECT_THAT(of_images("second", {"--patch", "2x1", "--init", path("seen")}).err,
              HasSubstr("was trained with patch 1x2, not 2x1,"));
  another.emplace_back("patch", "2x1");
  for (const OptionSpec& option : option_table()) {
    const bool tried =
        std::ranges::count(another, option.name, [](const auto& pair) { return std::string_view(pair.first); }) > 0;
    EXPECT_EQ(option.gives_weights_meaning, tried) << option.name;
  }
  // Those with which it is the same function of the same numbers.
  for (const auto& [name, value] : {std::pair{"attention", "tiled"},
                                    {"dropout", "0.1"},
                                    {"max-positions", "50"},
                                    {"position-range", "50"},
                                    {"d-head", "4"}}) {
    const Ran ran = run(
        tiny_train(path("same") + name, {"--init", path("first"), std::string("--") + name, value, "--steps", "1"}));
    EXPECT_EQ(ran.status, 0) << name << ": " << ran.err;
  }
}

// A law of weights says what embeddings are multiplied by, unless somebody does; with --init there is no law.
TEST_F(InitialWeights, OfEmbeddingsThatWereNotMultipliedAreNotMultipliedNow) {
  ASSERT_EQ(run(tiny_train(path("first"), {"--initialisation", "normal"})).status, 0);
  const Ran refused = run(tiny_train(path("second"), {"--init", path("first")}));
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("was trained with embedding-scale none, not sqrt_dmodel, which its weights mean "
                                     "something else for; give --embedding-scale none"));
  const auto loss = [&](const std::string& folder) {
    return run({"eval", path(folder), "--json"}).json()["loss"].get<double>();
  };
  ASSERT_EQ(
      run(tiny_train(path("second"), {"--init", path("first"), "--embedding-scale", "none", "--steps", "0"})).status,
      0);
  EXPECT_EQ(loss("second"), loss("first"));
}

TEST_F(InitialWeights, AreTakenByShapeAloneIfThatIsAskedFor) {
  ASSERT_EQ(run(tiny_train(path("first"))).status, 0);
  const Ran forced = run(tiny_train(path("second"), {"--init", path("first"), "--scale", "none", "--init-check",
                                                     "shapes", "--steps", "0", "--json"}));
  ASSERT_EQ(forced.status, 0) << forced.err;
  const Ran plain = run(tiny_train(path("third"), {"--init", path("first"), "--steps", "0", "--json"}));
  EXPECT_EQ(forced.json()["parameter_digest"], plain.json()["parameter_digest"]);
  EXPECT_THAT(read("second/config.cfg"), HasSubstr("init-check = shapes\n"));
  EXPECT_THAT(run(tiny_train(path("fourth"), {"--init", path("first"), "--d-ff", "12", "--init-check", "shapes"})).err,
              HasSubstr("the shape differs of /parameters/"));
  EXPECT_EQ(run(tiny_train(path("fifth"), {"--init-check", "shapes"})).status, 2) << "there is no --init";
}

TEST_F(InitialWeights, WordsInAnotherOrderAreMatched) {
  write_text();
  for (const char* tie : {"none", "output", "all"}) {
    const std::string name = tie;
    write("self.tsv", "a b\tb a\nb c\tc b\na c\tc a\n");
    write("self_order.tsv", "a b\tb a\nb c\tc b\na c\tc a\nc c\tc c\n");
    const bool all = name == "all";
    const std::string first = all ? path("self.tsv") : path("some.tsv");
    const std::string second = all ? path("self_order.tsv") : path("other_order.tsv");
    write("test.tsv", all ? "a b\tb a\nc b\tb c\n" : "a b\tA B\nc b\tC B\n");
    ASSERT_EQ(run(text_run(name, first, {"--tie", tie})).status, 0);
    const Ran moved = run(text_run(name + "_moved", second, {"--tie", tie, "--init", path(name), "--steps", "0"}));
    ASSERT_EQ(moved.status, 0) << moved.err;
    const Ran before = run({"eval", path(name), "--json"});
    const Ran after = run({"eval", path(name + "_moved"), "--json"});
    ASSERT_EQ(after.status, 0) << after.err;
    EXPECT_NEAR(before.json()["loss"].get<double>(), after.json()["loss"].get<double>(), 1e-5) << tie;
    EXPECT_EQ(before.json()["exact_match"], after.json()["exact_match"]) << tie;
    const Ran drawn = run(text_run(name + "_drawn", second, {"--tie", tie, "--steps", "0"}));
    ASSERT_EQ(drawn.status, 0) << drawn.err;
    EXPECT_GT(std::abs(run({"eval", path(name + "_drawn"), "--json"}).json()["loss"].get<double>() -
                       before.json()["loss"].get<double>()),
              1e-3)
        << "other weights would be seen";
  }
}

TEST_F(InitialWeights, NewWordsAreRefusedOrDrawn) {
  write_text();
  ASSERT_EQ(run(text_run("first", path("some.tsv"))).status, 0);
  const Ran refused = run(text_run("second", path("more_words.tsv"), {"--init", path("first")}));
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err,
              HasSubstr("knows other words than the data: of the source words 1 is new, the first of them \"d\""));
  const Ran taken = run(
      text_run("second", path("more_words.tsv"), {"--init", path("first"), "--init-check", "shapes", "--steps", "0"}));
  ASSERT_EQ(taken.status, 0) << taken.err;
  EXPECT_THAT(taken.err, HasSubstr("1 of 4 target words is new"));
  // On words that both know, with the rows of the others left out, both say the same but for the new word's share.
  EXPECT_EQ(run({"eval", path("second")}).status, 0);
}

// Source and target order their words by how often each occurs there: the same words may come in two orders.
TEST_F(InitialWeights, OneTableForBothSidesTakesWordsInAnyOrder) {
  write_text();
  const std::string file = write("orders.tsv", "a a a b\tb b b a\nb a a\tb a b\n");
  write("test.tsv", "a b\tb a\n");
  const Ran tied = run(text_run("tied", file, {"--tie", "all"}));
  ASSERT_EQ(tied.status, 0) << tied.err;
  EXPECT_EQ(run({"eval", path("tied")}).status, 0);
  EXPECT_EQ(run({"train", "--resume", "--out", path("tied"), "--steps", "22"}).status, 0);
  const std::string other = write("other_words.tsv", "a b\ta c\n");
  EXPECT_THAT(run(text_run("no", other, {"--tie", "all"})).err, HasSubstr("source and target have other words"));
}

// Advice that would be refused in turn is none.
TEST_F(InitialWeights, ShapesAloneAreAdvisedOnlyWhereTheyAgree) {
  write_text();
  ASSERT_EQ(run(text_run("first", path("some.tsv"))).status, 0);
  const std::string advice = "--init-check shapes";
  const std::vector<std::string> other_scale{"--init", path("first"), "--scale", "none"};
  EXPECT_THAT(run(text_run("second", path("some.tsv"), other_scale)).err,
              HasSubstr("or take them all the same by " + advice));
  std::vector<std::string> wider = other_scale;
  wider.insert(wider.end(), {"--d-ff", "12"});
  EXPECT_THAT(run(text_run("second", path("some.tsv"), wider)).err,
              testing::AllOf(HasSubstr("give --scale inv_sqrt_dk\n"), testing::Not(HasSubstr(advice))));
  EXPECT_THAT(run(text_run("second", path("more_words.tsv"), {"--init", path("first")})).err,
              HasSubstr("match those that both have by " + advice));
  EXPECT_THAT(run(text_run("second", path("more_words.tsv"), {"--init", path("first"), "--d-ff", "12"})).err,
              testing::AllOf(HasSubstr("other shapes, too"), testing::Not(HasSubstr(advice))));
}

}  // namespace
}  // namespace tapehead
