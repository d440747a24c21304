// All that the program prints, looked at as a reader would: in lines of 80 and of 40 characters.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <map>
#include <set>

#include "experiments/program/command.hpp"
#include "experiments/report/text_width.hpp"
#include "tests/experiments/output_lint.hpp"
#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

constexpr std::size_t kEndless = 100000;

Ran run_at(std::size_t width, const std::vector<std::string>& words, const std::string& input = {},
           bool terminal = false) {
  setenv("COLUMNS", std::to_string(width).c_str(), 1);
  TextSource in(input, "standard input");
  std::ostringstream out, err;
  Console console{in, out, err, terminal, terminal, width};
  const int status = run_program(words, console);
  unsetenv("COLUMNS");
  return {status, out.str(), err.str()};
}

struct Call {
  std::vector<std::string> words;
  std::string input = {};
  bool compare = true;  // whether the same words come out at any width
};

class Output : public InFolder {
 protected:
  std::string trained() {
    if (!std::filesystem::exists(path("run"))) run(tiny_train(path("run")));
    return path("run");
  }

  // Trained on pairs, one of them a long line.
  std::string trained_on_text() {
    if (std::filesystem::exists(path("text"))) return path("text");
    std::string pairs;
    for (const char* word : {"one", "two", "three", "four", "five", "six"}) {
      pairs += fmt::format("{0} {0} house\t{0} {0} maison\n", word);
    }
    pairs += "a very very very long line of seventeen words that no cell of any map holds whole\tla longue ligne\n";
    run({"train", "--train", write("pairs.tsv", pairs), "--valid", write("valid.tsv", "one house\tone maison\n"),
         "--d-model", "8", "--heads", "2", "--d-ff", "8", "--layers", "1", "--batch", "2", "--steps", "3", "--out",
         path("text")});
    return path("text");
  }

  // At least one call of every command, each with what belongs to it.
  std::vector<Call> calls() {
    std::vector<Call> all;
    const auto add = [&](std::vector<std::string> words, const std::string& input = {}, bool compare = true) {
      all.push_back({std::move(words), input, compare});
    };
    const std::string one = write("one.csv", "1 0 1\n");
    const std::string three = write("three.csv", "1,0,1\n0,1,0\n1,1,0\n");
    std::string wide;
    for (int r = 0; r < 40; ++r) {
      for (int c = 0; c < 90; ++c) wide += fmt::format("{} ", (r * 7 + c * 13) % 11 - 5);
      wide += "\n";
    }
    const std::string many = write("many.csv", wide);

    add({"--help"});
    for (const Command& command : commands()) {
      add({std::string(command.name), "--help"});
      add({std::string(command.name), "--help", "all"});
    }
    add(tiny_train(path("again"), {"--validate-every", "4", "--threads", "1"}));
    add({"train", "--resume", "--out", path("again"), "--steps", "13"});
    add({"eval", trained(), "--examples", "2"});
    add({"eval", trained(), "--decode"});
    add({"eval", trained_on_text(), "--split", "validation"});
    add({"predict", trained()}, "1 2 3\n\n4\n");
    add({"predict", trained(), "--search", "sample", "--top-k", "3"}, "1 2 3\n\n4\n");
    add({"inspect", trained(), "--input", "1 2 3"});
    add({"inspect", trained_on_text(), "--layer", "encoder.layers.0.self_attention", "--input",
         "a very very very long line of seventeen words that no cell of any map holds"},
        {}, false);
    add({"inspect", trained(), "--layer", "decoder.layers.0.self_attention", "--head", "0", "--input", "1"});
    add(tiny_ablate(path("grid"), {"--steps", "2", "--seeds", "2", "--vary", "heads=1,2", "--vary",
                                   "scale=none,inv_sqrt_dmodel", "--vary", "label-smoothing=0.1"}));
    add({"attend", "--query", one, "--key", three, "--scale", "none"});
    add({"attend", "--query", three, "--key", three, "--causal", "--digits", "5"});
    add({"attend", "--query", many, "--key", many});
    add({"attend", "--query", "1,0;0,1", "--key", "1,0;0,1", "--show-mask", "--mask", "causal", "--key-names", "a b"});
    add({"gradcheck", "ops/add"});
    add({"gradcheck", "ops/scale"});
    add({"gradcheck", "--leaks", "models/transformer"});
    add({"gradcheck", "--leaks", "models/decoder/pre_relu"});
    add({"gradcheck", "--taylor", "ops/scale"});
    add({"gradcheck", "--taylor", "ops/softmax/K5_Q3"});
    add({"gradcheck", "--checkpoint", trained()});
    add({"gradcheck", "--checkpoint", trained(), "--taylor"});
    add({"gradcheck", "--checkpoint", trained(), "--sharpness"});
    add({"bench", "--seconds", "0.001", "--rounds", "1", "--d-model", "8", "--d-ff", "8", "--layers", "1", "--threads",
         "1", "--shards", "1", "--profile"},
        {}, false);
    add({"summary", "copy"});
    add({"summary", trained()});
    add({"list"});
    add({"help", "all"});
    add({"version"});
    return all;
  }
};

void expect_clean(const std::vector<std::string>& found, const std::string& what) {
  EXPECT_TRUE(found.empty()) << what << "\n  " << fmt::format("{}", fmt::join(found, "\n  "));
}

// What stands on standard error: progress, notes and warnings; the last are one line, however long.
std::string without_warnings(const std::string& err) {
  std::string rest;
  std::istringstream in(err);
  for (std::string line; std::getline(in, line);) {
    if (line.find("warning: ") == std::string::npos) rest += line + "\n";
  }
  return rest;
}

TEST_F(Output, OfEveryCommandIsInOrderAtAnyWidth) {
  std::set<std::string> seen;
  for (const Call& call : calls()) {
    seen.insert(call.words.front());
    const std::string what = fmt::format("{}", fmt::join(call.words, " "));
    std::map<std::size_t, Ran> at;
    for (const std::size_t width : {kEndless, std::size_t{80}, std::size_t{40}}) {
      if (call.words.front() == "train") std::filesystem::remove_all(path("width"));
      std::vector<std::string> words = call.words;
      // What trains needs a folder of its own at each width.
      if (const auto out = std::ranges::find(words, "--out"); out != words.end() && words[0] == "ablate") {
        out[1] += std::to_string(width);
      }
      if (words[0] == "train" && std::ranges::find(words, "--help") == words.end()) {
        const auto out = std::ranges::find(words, "--out");
        out[1] += std::to_string(width);
      }
      at[width] = run_at(width, words, call.input);
      EXPECT_EQ(at[width].status, 0) << what << "\n" << at[width].err;
    }
    for (const std::size_t width : {std::size_t{80}, std::size_t{40}}) {
      const std::string where = fmt::format("at {}: {}\n{}{}", width, what, at[width].out, at[width].err);
      expect_clean(lint(at[width].out, width, true), where);
      expect_clean(lint(without_warnings(at[width].err), width, false), where);
      if (call.compare) expect_clean(lost_words(at[kEndless].out, at[width].out), where);
    }
  }
  for (const Command& command : commands()) EXPECT_TRUE(seen.contains(std::string(command.name))) << command.name;
}

TEST_F(Output, OnATerminalNoLineIsLongerThanItIsWide) {
  for (const std::size_t width : {80, 40}) {
    std::vector<std::vector<std::string>> calls{
        tiny_train(path("train") + std::to_string(width), {"--validate-every", "4"}),
        tiny_ablate(path("grid") + std::to_string(width),
                    {"--steps", "3", "--seeds", "1", "--validate-every", "2", "--vary", "heads=1,2", "--vary",
                     "scale=none,inv_sqrt_dmodel", "--vary", "label-smoothing=0.1"}),
        {"inspect", trained(), "--input", "1 2 3"}};
    for (const auto& words : calls) {
      const Ran ran = run_at(width, words, {}, true);
      EXPECT_EQ(ran.status, 0) << ran.err;
      std::string drawn = without_escapes(ran.err + ran.out);
      std::ranges::replace(drawn, '\r', '\n');
      std::istringstream in(drawn);
      for (std::string line; std::getline(in, line);) {
        const bool breakable = line.find_first_of(' ', line.find_first_not_of(' ')) != std::string::npos;
        if (!breakable) continue;
        EXPECT_LE(text_width(line), width) << line;
      }
    }
  }
}

TEST_F(Output, OfRefusalsIsOneSentence) {
  const std::string folder = trained();
  const std::string pairs = write("pairs.tsv", "a b\tc d\n");
  const std::string out = path("out");
  const std::string noise = write("noise.h5", "\x89HDF\r\n\x1a\n and then nothing");
  const std::vector<std::vector<std::string>> refused{
      {"trian"},
      {"train", "cpoy", "--out", out},
      {"train", "copy"},
      {"train", "copy", "--out", out, "--haeds", "2"},
      {"train", "copy", "--out", out, "--heads"},
      {"train", "copy", "--out", out, "--heads", "x"},
      {"train", "copy", "--out", out, "--heads", "3"},
      {"train", "copy", "--out", out, "--heads", "1", "--heads", "2"},
      {"train", "copy", "--out", out, "--steps", "1"},
      {"train", "copy", "--out", out, "--optimizer", "lion"},
      {"train", "copy", "--out", out, "--optimizer", "sgd", "--beta1", "0.5"},
      {"train", "copy", "--out", out, "--scale", "0"},
      {"train", "copy", "--out", out, "--symbols", "1"},
      {"train", "copy", "--out", out, "--max-positions", "1"},
      {"train", "copy", "--out", out, "--config", "x"},
      {"train", "copy", "--out", folder},
      {"train", "copy", "--out", folder + "/checkpoint.h5/x"},
      {"train", "--out", out},
      {"train", "--train", path("none"), "--out", out},
      {"train", "--train", pairs, "--tie", "all", "--out", out},
      {"train", "--train", pairs, "--model", "decoder", "--out", out},
      {"train", "--resume", "--out", folder, "--heads", "4"},
      {"train", "--resume", "--out", folder, "--steps", "1"},
      {"train", "--resume", "--out", path("none")},
      {"train", "copy", "--d-model", "65536", "--layers", "500", "--out", out},
      {"eval"},
      {"eval", path("none")},
      {"eval", noise},
      {"eval", folder, "--train", pairs},
      {"predict"},
      {"inspect", folder, "--input", ""},
      {"inspect", folder, "--input", "99"},
      {"inspect", folder, "--input", "1", "--layer", "nowhere"},
      {"inspect", folder, "--input", "1", "--head", "7"},
      {"ablate", "copy", "--out", out, "--vary", "heads"},
      {"ablate", "copy", "--out", out, "--vary", "heads=2,2"},
      {"ablate", "copy", "--out", out, "--vary", "heads=3"},
      {"attend", "--query", pairs, "--key", pairs},
      {"attend", "--query", write("one", "1\n"), "--key", write("two", "1 2\n")},
      {"attend", "--query", write("one", "1\n"), "--key", write("one", "1\n"), "--value", write("tall", "1\n2\n")},
      {"attend", "--query", write("huge", "1e300\n"), "--key", write("huge", "1e300\n")},
      {"gradcheck", "no_such_op"},
      {"gradcheck", "--sharpness"},
      {"bench", "--optimizer", "nesterov"},
      {"bench", "--against", "echo nothing"},
      {"summary", folder, "--heads", "2"},
      {"list", "presents"},
      {"version", "-v"},
  };
  for (const auto& words : refused) {
    const std::string what = fmt::format("{}", fmt::join(words, " "));
    const Ran ran = run_at(80, words);
    EXPECT_EQ(ran.status, 2) << what << "\n" << ran.out << ran.err;
    const std::string last = ran.err.substr(ran.err.rfind('\n', ran.err.size() - 2) + 1);
    expect_clean(lint_refusal(last.substr(0, last.size() - 1)), what);
  }
}

TEST(OutputOfHelp, SummariesBeginWithACapitalOptionsDoNotAndNeitherEndsInAStop) {
  for (const Command& command : commands()) {
    EXPECT_TRUE(std::isupper(static_cast<unsigned char>(command.summary.front()))) << command.summary;
    EXPECT_FALSE(command.summary.ends_with('.')) << command.summary;
  }
  for (const OptionSpec& option : option_table()) {
    const bool name = option.help.size() > 1 && std::isupper(static_cast<unsigned char>(option.help[1])) != 0;
    EXPECT_TRUE(name || !std::isupper(static_cast<unsigned char>(option.help.front()))) << option.help;
    for (const std::string_view text : {option.help, option.unit, option.when, option.zero}) {
      EXPECT_FALSE(text.ends_with('.')) << text;
      EXPECT_EQ(text.find("  "), std::string::npos) << text;
    }
  }
}

// The rules bite.
TEST(Lint, FindsWhatItLooksFor) {
  const auto finds = [](const std::string& output, const std::string& what) {
    const auto found = lint(output, 40, true);
    return std::ranges::any_of(found, [&](const std::string& each) { return each.find(what) != std::string::npos; });
  };
  EXPECT_TRUE(finds("there are 1 refusals\n", "1 refusals"));
  EXPECT_TRUE(finds("there are 3 case\n", "3 case"));
  EXPECT_TRUE(finds("a line \n", "a space at the end"));
  EXPECT_TRUE(finds("a\tb\n", "a tab"));
  EXPECT_TRUE(finds("no end", "does not end"));
  EXPECT_TRUE(finds("a\n\n\nb\n", "two blank lines"));
  EXPECT_TRUE(finds("\nb\n", "blank line first"));
  EXPECT_TRUE(finds("one line that has far more than forty characters\n", "48 characters"));
  EXPECT_TRUE(finds("[json.exception.parse_error.101] x\n", "a library speaks"));
  EXPECT_TRUE(finds("step  1\nloss so far  2\n", "no columns"));
  EXPECT_TRUE(lint("step   1\nloss  22\n\n1 loss\n1 case, 2 cases, 0.1 "
                   "steps\n/a/path/that/is/far/longer/than/forty/characters\n",
                   40, true)
                  .empty());
  EXPECT_FALSE(lint_refusal("tapehead: It is wrong.").empty());
  EXPECT_FALSE(lint_refusal("tapehead: a  b").empty());
  EXPECT_FALSE(lint_refusal("error").empty());
  EXPECT_TRUE(lint_refusal("tapehead: --heads: needs a value").empty());
  EXPECT_THAT(lost_words("loss and perplexity", "loss"), testing::ElementsAre("lost: and", "lost: perplexity"));
  EXPECT_TRUE(lost_words("loss and perplexity", "loss (left out: perplexity)").empty());
}

}  // namespace
}  // namespace tapehead
