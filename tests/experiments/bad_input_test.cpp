// Every option of every command with values that make no sense: one line that names the option, status 2, nothing
// written, and soon.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "experiments/program/command.hpp"
#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

bool takes_value(const OptionSpec& option) { return option.kind != OptionKind::flag; }

// Values that are wrong for any option of this kind.
std::vector<std::string> wrong_values(const OptionSpec& option) {
  std::vector<std::string> values{"a\nb"};
  const auto add = [&](std::initializer_list<std::string> more) { values.insert(values.end(), more); };
  switch (option.kind) {
    case OptionKind::integer:
      add({"", "x", "1.5", "nan", "inf", "-9223372036854775809", "9223372036854775808", "1e3", "0x10", " 1", "1 ",
           std::string(100000, '9'), fmt::format("{:.0f}", option.range.low - 1),
           fmt::format("{:.0f}", option.range.high * 2 + 1)});
      break;
    case OptionKind::real:
      add({"", "x", "nan", "-nan", "inf", "-inf", "1e999", "1,5", "0x1p3", "--1", std::string(100000, '9'),
           fmt::format("{}", option.range.low - 1), fmt::format("{}", option.range.high * 2 + 1)});
      if (option.range.open_low) add({fmt::format("{}", option.range.low)});
      if (option.range.open_high) add({fmt::format("{}", option.range.high)});
      break;
    case OptionKind::word:
      add({"", "nonsense", "NONE", std::string(option.choices.substr(0, option.choices.find(' '))) + "x", "\x1b[31m",
           std::string(1000000, 'w')});
      break;
    case OptionKind::formula:
      add({"", "nonsense", "-1", "nan", "inf", std::string(1000000, 'w')});
      add({option.range.high > 0 ? fmt::format("{}", option.range.high) : "0"});
      break;
    case OptionKind::path:
    case OptionKind::pair_files:
    case OptionKind::text:
    case OptionKind::flag:
      break;
  }
  return values;
}

class BadInput : public InFolder {
 protected:
  // What each command needs beside the option in question, as little and as quick as can be.
  std::vector<std::string> words_of(const Command& command, std::string_view option) {
    std::map<std::string, std::vector<std::string>> bases{
        {"train", tiny_train(path("out"))},
        {"eval", {"eval", run_folder()}},
        {"predict", {"predict", run_folder()}},
        {"inspect", {"inspect", run_folder(), "--input", "1 2"}},
        {"ablate", {"ablate", "copy", "--vary", "heads=1,2", "--seeds", "1", "--out", path("out")}},
        {"attend", {"attend", "--query", write("q", "1 2\n"), "--key", write("k", "1 2\n3 4\n")}},
        {"gradcheck", {"gradcheck", "ops/add/"}},
        {"bench", {"bench", "--seconds", "0.001", "--rounds", "1", "--d-model", "8", "--d-ff", "8", "--layers", "1"}},
        {"summary", {"summary", "copy"}},
        {"list", {"list"}},
        {"version", {"version"}}};
    const auto found = bases.find(std::string(command.name));
    EXPECT_NE(found, bases.end()) << command.name << " has no line in this table";
    if (found == bases.end()) return {};
    std::vector<std::string> words = found->second;
    const std::string name = "--" + std::string(option);
    if (const auto at = std::ranges::find(words, name); at != words.end()) words.erase(at, at + 2);
    return words;
  }

  std::string run_folder() {
    if (!std::filesystem::exists(path("trained"))) run(tiny_train(path("trained")));
    return path("trained");
  }

  static void expect_refusal(const Ran& ran, const std::string& named, const std::string& what) {
    EXPECT_EQ(ran.status, 2) << what;
    EXPECT_EQ(ran.out, "") << what;
    EXPECT_TRUE(ran.err.starts_with("tapehead: ")) << what << "\n" << ran.err.substr(0, 500);
    EXPECT_EQ(std::ranges::count(ran.err, '\n'), 1) << what << "\n" << ran.err.substr(0, 500);
    EXPECT_LT(ran.err.size(), 5000U) << what;
    EXPECT_EQ(ran.err.find('\x1b'), std::string::npos) << what;
    EXPECT_THAT(ran.err, HasSubstr(named)) << what;
  }
};

TEST_F(BadInput, NoOptionTakesAValueThatMakesNoSense) {
  int refused = 0;
  for (const Command& command : commands()) {
    for (const OptionSpec& option : option_table()) {
      if (!command.takes(option) || !takes_value(option)) continue;
      for (const std::string& value : wrong_values(option)) {
        std::vector<std::string> words = words_of(command, option.name);
        words.push_back(fmt::format("--{}={}", option.name, value));
        const std::string what = fmt::format("{} --{} \"{}\"", command.name, option.name, value.substr(0, 40));
        expect_refusal(run(words), fmt::format("--{}: ", option.name), what);
        ++refused;
      }
    }
  }
  EXPECT_FALSE(std::filesystem::exists(path("out")));
  EXPECT_GT(refused, 1000);
}

// A value that the option allows, at the edges of its range, may be too much for other reasons: then it is refused in
// one line too, and before anything is done that takes long.
TEST_F(BadInput, TheEdgesOfARangeAreTakenOrRefused) {
  for (const Command& command : commands()) {
    if (command.name != "train" && command.name != "summary")
      continue;  // the others would do it, however long it takes
    for (const OptionSpec& option : option_table()) {
      if (!command.takes(option) || (option.kind != OptionKind::integer && option.kind != OptionKind::real)) continue;
      for (const double edge : {option.range.low, option.range.high}) {
        // What may be done, however long it takes, is not what this is about: made data, and steps.
        const bool done = option.name.ends_with("-size") || (command.name == "train" && option.name != "d-model");
        if (done && edge > 1000) continue;
        std::vector<std::string> words = words_of(command, option.name);
        words.insert(words.end(),
                     {"--" + std::string(option.name),
                      option.kind == OptionKind::integer ? fmt::format("{:.0f}", edge) : fmt::format("{}", edge)});
        const auto begin = std::chrono::steady_clock::now();
        const Ran ran = run(words);
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
        const std::string what = fmt::format("{} --{} {}", command.name, option.name, edge);
        EXPECT_TRUE(ran.status == 0 || ran.status == 2) << what;
        if (ran.status == 2) {
          EXPECT_EQ(std::ranges::count(ran.err, '\n'),
                    std::ranges::count(ran.err.substr(0, ran.err.find("tapehead: ")), '\n') + 1)
              << what << "\n"
              << ran.err;
        }
        EXPECT_LT(seconds.count(), 60) << what;  // a second or two on an idle machine
        std::filesystem::remove_all(path("out"));
      }
    }
  }
}

TEST_F(BadInput, UnknownAndShortenedNamesSuggestTheNearest) {
  for (const Command& command : commands()) {
    for (const OptionSpec& option : option_table()) {
      if (!command.takes(option) || option.name.size() < 4) continue;
      const std::string shortened(option.name.substr(0, option.name.size() - 1));
      if (find_option(shortened) != nullptr) continue;
      std::vector<std::string> words = words_of(command, option.name);
      words.insert(words.end(), {"--" + shortened, "1"});
      expect_refusal(run(words), "--" + shortened + ": " + std::string(command.name) + " has no such option",
                     fmt::format("{} --{}", command.name, shortened));
    }
  }
  expect_refusal(run({"train", "copy", "--out", path("out"), "--layer", "1"}), "did you mean --layers?", "layer");
  expect_refusal(run({"trian", "copy"}), "did you mean train?", "command");
  expect_refusal(run({"train", "cpoy", "--out", path("out")}), "cpoy", "preset");
}

TEST_F(BadInput, ConflictsAreNamed) {
  const std::string config = write("some.cfg", "heads = 2\n");
  const std::string folder = run_folder();
  const std::string pairs = write("pairs.tsv", "a b\tc d\n");
  const std::map<std::string, std::vector<std::string>> refusals{
      {"--config: preset copy is given too", {"train", "copy", "--config", config, "--out", path("out")}},
      {"holds a run already", {"train", "copy", "--out", folder}},
      {"--out is missing", {"train", "copy"}},
      {"--heads: is given twice", {"train", "copy", "--heads", "1", "--heads", "2", "--out", path("out")}},
      {"--json: takes no value", {"list", "--json=yes"}},
      {"--heads: needs a value", {"train", "copy", "--out", path("out"), "--heads"}},
      {"is one word too many", {"train", "copy", "reverse", "--out", path("out")}},
      {"heads: 3 heads do not divide d-model 64", {"train", "copy", "--heads", "3", "--out", path("out")}},
      {"min-length 9 and max-length 5",
       {"train", "copy", "--min-length", "9", "--max-length", "5", "--out", path("out")}},
      {"needs more steps than warm-up",
       {"train", "copy", "--schedule", "cosine", "--steps", "5", "--warmup", "9", "--out", path("out")}},
      {"nesterov needs --momentum", {"train", "copy", "--optimizer", "nesterov", "--out", path("out")}},
      {"--max-positions: the data needs", {"train", "copy", "--max-positions", "5", "--out", path("out")}},
      {"--score: does nothing without --mixer attention or --model convolution or rnn or transformer",
       {"train", "copy", "--model", "decoder", "--mixer", "retention", "--score", "cosine", "--out", path("out")}},
      {"--positions: alibi does not apply to mixer retention",
       {"train", "copy", "--mixer", "retention", "--positions", "alibi", "--out", path("out")}},
      {"--positions: rotary does not apply to mixer linear",
       {"train", "copy", "--mixer", "linear", "--positions", "rotary", "--out", path("out")}},
      {"--position-range: does not apply to positions none",
       {"train", "copy", "--positions", "none", "--position-range", "90", "--out", path("out")}},
      {"position-range: 2 are fewer than", {"train", "copy", "--position-range", "2", "--out", path("out")}},
      {"task copy makes its own data", {"train", "--task", "copy", "--train", pairs, "--out", path("out")}},
      {"--tie: source and target have other words", {"train", "--train", pairs, "--tie", "all", "--out", path("out")}},
      {"--sharpness", {"gradcheck", "--sharpness"}},
      {"--vary heads: 2 stands there twice", {"ablate", "copy", "--vary", "heads=2,2", "--out", path("out")}},
      {"memory: training would take about",
       {"train", "copy", "--d-model", "65536", "--layers", "500", "--out", path("out")}},
      {"tokens; take fewer, or shorter ones",
       {"train", "copy", "--max-length", "4000", "--test-size", "1000000", "--out", path("out")}}};
  for (const auto& [message, words] : refusals)
    expect_refusal(run(words), message, fmt::format("{}", fmt::join(words, " ")));
  EXPECT_FALSE(std::filesystem::exists(path("out")));
}

TEST_F(BadInput, FilesThatAreNotWhatTheyShouldBe) {
  const std::string binary = write("binary", std::string("\0\xff\x01\n\x89PNG", 8));
  const std::string empty = write("empty", "");
  const std::string folder = path("folder");
  std::filesystem::create_directories(folder);
  const std::string missing = path("missing");
  for (const std::string& file : {binary, empty, folder, missing}) {
    const auto refused = [&](std::vector<std::string> words) {
      expect_refusal(run(words), file, fmt::format("{}", fmt::join(words, " ")));
    };
    refused({"train", "--train", file, "--out", path("out")});
    refused({"train", "--train", write("good.tsv", "a\tb\n"), "--valid", file, "--out", path("out")});
    refused({"attend", "--query", file, "--key", write("k", "1 2\n")});
    refused({"eval", file});
    refused({"inspect", file, "--input", "1"});
    refused({"gradcheck", "--checkpoint", file});
    refused(tiny_train(path("out"), {"--init", file}));
    if (file != empty) refused({"train", "--config", file, "--out", path("out")});
  }
  expect_refusal(run({"attend", "--query", write("q", "1 2\n1 2 3\n"), "--key", write("k", "1 2\n")}), "q:2: 3 numbers",
                 "ragged");
  expect_refusal(run({"attend", "--query", write("q", "1 2\n"), "--key", write("k", "1 2 3\n")}), "2", "widths");
  EXPECT_FALSE(std::filesystem::exists(path("out")));
}

}  // namespace
}  // namespace tapehead
