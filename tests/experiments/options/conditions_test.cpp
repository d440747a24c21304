#include "experiments/options/conditions.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>

#include "experiments/options/choices.hpp"
#include "experiments/options/presets.hpp"
#include "experiments/options/run_config.hpp"
#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;
using Options = std::vector<std::pair<std::string, std::string>>;

Settings with(const Options& options, const std::string& preset = {}) {
  Settings settings;
  for (const auto& [name, value] : options) settings.set(name, value);
  read_preset_or_config(settings, preset);
  return settings;
}

class Rows : public InFolder {};

std::string refusal(Settings settings) {
  try {
    settle(settings);
  } catch (const Error& error) {
    return error.what();
  }
  return "taken";
}

std::string refusal(const Options& options, const std::string& preset = {}) { return refusal(with(options, preset)); }

TEST(Conditions, WhatWouldDoNothingIsRefusedByNameWithTheReason) {
  EXPECT_EQ(refusal({{"optimizer", "sgd"}, {"beta1", "0.5"}}),
            "--beta1: does not apply to optimizer sgd (command line); it is for optimizer adam or adamw");
  EXPECT_EQ(refusal({{"momentum", "0.9"}}),
            "--momentum: does not apply to optimizer adam (default); it is for optimizer sgd or nesterov");
  EXPECT_EQ(
      refusal({{"final-share", "0.2"}}, "copy-annotated-transformer"),
      "--final-share: does not apply to schedule noam (preset copy-annotated-transformer); it is for schedule cosine");
  EXPECT_EQ(refusal({{"validation-limit", "9"}}),
            "--validation-limit: does nothing without --validate-every, which is 0 (default)");
  EXPECT_EQ(refusal({{"min-improvement", "0.1"}, {"validate-every", "5"}}),
            "--min-improvement: does nothing without --schedule plateau or --early-stop");
  EXPECT_EQ(refusal({{"model", "decoder"}, {"mixer", "linear"}, {"top-keys", "3"}}),
            "--top-keys: does nothing without --normalizer, which does nothing without --mixer attention or --model "
            "convolution or rnn or transformer");
  EXPECT_EQ(refusal({{"initialisation", "normal"}, {"init", "/run"}}), "--initialisation: does nothing with --init");
}

// Where one choice has to be another first, it is named, with everything that it may be.
TEST(Conditions, WhatAModelDoesNotTakeNamesEveryModelThatDoes) {
  const std::string rnn = ": does not apply to model rnn (command line); it is for model ";
  const std::string blocks = "decoder or encoder or transformer or vision";
  EXPECT_EQ(refusal({{"model", "rnn"}, {"norm-kind", "rms"}}), "--norm-kind" + rnn + blocks);
  EXPECT_EQ(refusal({{"model", "rnn"}, {"norm", "pre"}}), "--norm" + rnn + blocks);
  EXPECT_EQ(refusal({{"model", "rnn"}, {"d-ff", "64"}}), "--d-ff" + rnn + blocks);
  EXPECT_EQ(refusal({{"model", "rnn"}, {"residual", "parallel"}}), "--residual" + rnn + blocks);
  EXPECT_EQ(refusal({{"model", "convolution"}, {"positions", "alibi"}}),
            "--positions: alibi does not apply to model convolution (command line); it is for model " + blocks +
                ", because it is added to scores, and there are none");
  for (const auto& [name, value] : Options{{"score", "additive"},
                                           {"kv-heads", "1"},
                                           {"head-gate", "learned"},
                                           {"normalizer", "sparsemax"},
                                           {"score-cap", "5"},
                                           {"attention", "composed"},
                                           {"head-split", "reshape"}}) {
    EXPECT_EQ(refusal({{"model", "rnn_decoder"}, {name, value}}),
              "--" + name +
                  ": does not apply to model rnn_decoder (command line); it is for model convolution or "
                  "decoder or encoder or rnn or transformer or vision");
    const Settings taken = with({{"model", "decoder"}, {name, value}});
    EXPECT_TRUE(applies(taken, *find_option(name))) << name;
  }
}

TEST(Conditions, WhatGoesByValidationsNeedsOneWithinTheSteps) {
  const Options late{{"steps", "20"}, {"validate-every", "21"}};
  const auto with_late = [&](const std::string& name, const std::string& value) {
    Options options = late;
    options.emplace_back(name, value);
    return refusal(options);
  };
  const std::string why =
      "goes by validations on the way, and validate-every 21 (command line) never comes within 20 steps";
  EXPECT_EQ(with_late("early-stop", "3"), "--early-stop: " + why);
  EXPECT_EQ(with_late("best-metric", "exact_match"), "--best-metric: " + why);
  EXPECT_EQ(with_late("stop-when", "loss=1"), "--stop-when: " + why);
  EXPECT_EQ(with_late("early-stop", "0"), "taken");
  EXPECT_EQ(refusal(late), "taken");
  EXPECT_EQ(refusal({{"steps", "20"}, {"validate-every", "20"}, {"early-stop", "3"}}), "taken");
  EXPECT_EQ(refusal({{"steps", "20"}, {"warmup", "2"}}, "copy"), "taken") << "what a preset says is dropped as ever";
}

TEST(Conditions, RestartsNeedStepsToRestartIn) {
  const auto restarts = [](const char* count) {
    return refusal({{"schedule", "cosine"}, {"steps", "20"}, {"warmup", "5"}, {"restarts", count}});
  };
  EXPECT_EQ(restarts("14"), "taken");
  EXPECT_EQ(restarts("15"),
            "--restarts: 15 restarts want as many steps and one more behind the warm-up, and there are 15");
}

TEST(Conditions, WithoutValidationDataNothingGoesByValidations) {
  const std::string made = "does nothing without --validation-size, which is 0 (command line)";
  EXPECT_EQ(refusal({{"validation-size", "0"}, {"validate-every", "5"}}), "--validate-every: " + made);
  EXPECT_EQ(refusal({{"validation-size", "0"}, {"early-stop", "5"}}, "copy"),
            "--early-stop: does nothing without --validate-every, which " + made);
  EXPECT_EQ(refusal({{"train", "/a"}, {"early-stop", "5"}}, "copy"),
            "--early-stop: does nothing without --validate-every, which does nothing without --valid");
  EXPECT_THAT(refusal({{"train", "/a"}, {"schedule", "plateau"}, {"warmup", "3"}}, "copy"),
              HasSubstr("--schedule: plateau does nothing without --validate-every"));
}

TEST(Conditions, AValueMayNeedAnother) {
  EXPECT_EQ(refusal({{"optimizer", "nesterov"}}), "--optimizer: nesterov needs --momentum, which is 0 (default)");
  EXPECT_EQ(refusal({{"schedule", "noam"}, {"warmup", "0"}}, "copy"),
            "--schedule: noam needs --warmup, which is 0 (command line)");
  EXPECT_EQ(
      refusal({{"schedule", "plateau"}}),
      "--schedule: plateau needs --validate-every, which is 0 (default), because it goes by validations on the way");
  EXPECT_THAT(refusal({{"model", "decoder"}, {"tie", "all"}}), HasSubstr("choose output"));
}

TEST(Conditions, ZeroAsksForNothing) {
  for (const char* name : {"early-stop", "momentum", "validation-limit", "min-improvement"}) {
    EXPECT_EQ(refusal({{name, "0"}}), "taken") << name;
  }
}

TEST(Conditions, APresetsValueThatDoesNotApplyGoesBackToItsDefault) {
  Settings settings = with({{"optimizer", "sgd"}, {"schedule", "constant"}, {"validation-size", "0"}}, "copy");
  settle(settings);
  EXPECT_EQ(settings.real("beta2"), 0.999);
  EXPECT_EQ(settings.integer("validate-every"), 0);
  EXPECT_EQ(settings.integer("validation-limit"), 0);
  for (const char* name : {"beta", "final-share", "early-stop"}) {
    EXPECT_EQ(settings.config_text().find(name), std::string::npos) << name;
  }
}

TEST(Conditions, OfAConfigurationFileOnlyWhatNothingStrongerOverruledIsRefused) {
  Settings settings = with({{"optimizer", "sgd"}});
  settings.read_config("optimizer = adamw\nbeta2 = 0.98\n", Origin::file, "my.cfg");
  EXPECT_EQ(refusal(settings), "taken");
  Settings own;
  own.read_config("optimizer = sgd\nbeta2 = 0.98\n", Origin::file, "my.cfg");
  EXPECT_EQ(refusal(own),
            "my.cfg:2: beta2: does not apply to optimizer sgd (my.cfg:1); it is for optimizer adam or adamw");
}

// Earlier versions wrote every option of the table into the configuration of a run.
TEST(Conditions, OfASavedRunNothingIsRefused) {
  Settings saved;
  saved.read_config(
      "task = copy\noptimizer = sgd\nbeta1 = 0.5\nplateau-factor = 0.25\nvalidate-every = 0\nearly-stop = 0\n",
      Origin::saved, "checkpoint");
  EXPECT_EQ(refusal(saved), "taken");
}

TEST(Conditions, TheTableSpeaksOfOptionsAndValuesThatThereAre) {
  const auto check = [](const Condition& condition, std::string_view whose) {
    if (!condition.exists()) return;
    const OptionSpec* option = find_option(condition.option);
    ASSERT_NE(option, nullptr) << whose << ": " << condition.option;
    std::string words(condition.words);
    std::ranges::replace(words, ' ', '\n');
    std::istringstream lines(words);
    for (std::string word; std::getline(lines, word);) EXPECT_TRUE(is_among(option->choices, word)) << word;
  };
  for (const OptionSpec& option : option_table()) {
    for (const Condition& condition : option.applies_when) check(condition, option.name);
    for (const ValueNeed& need : option.needs) {
      check(need.needs, option.name);
      std::istringstream values{std::string(need.values)};
      for (std::string value; values >> value;) EXPECT_TRUE(is_among(option.choices, value)) << value;
    }
  }
  for (const Command& command : commands()) {
    for (const auto& [name, condition] : command.conditions) {
      EXPECT_NE(std::ranges::find(command.options, name, &OptionSpec::name), command.options.end())
          << command.name << " " << name;
      check(condition, name);
    }
  }
}

// A word of the option that the condition asks about, for which it does not hold.
std::string failing_word(const Condition& condition) {
  if (condition.option == "model" && !condition.holds_for("decoder"))
    return "decoder";  // what else is asked for applies
  std::istringstream words{std::string(find_option(condition.option)->choices)};
  for (std::string word; words >> word;) {
    if (!condition.holds_for(word)) return word;
  }
  ADD_FAILURE() << "every word of " << condition.option << " will do";
  return {};
}

// A task for which the option does not apply.
std::string failing_task(const OptionSpec& option) {
  for (const DataSource& source : data_sources()) {
    const auto holds = [&](const Condition& each) { return each.option == "task" && each.holds_for(source.name); };
    if (std::ranges::none_of(option.applies_when, holds)) return source.name;
  }
  ADD_FAILURE() << "every task will do for " << option.name;
  return {};
}

// One that asks for something: the default may be to have none.
std::string asking_word(const OptionSpec& option) {
  std::istringstream words{std::string(option.choices)};
  std::string word;
  while (words >> word && (word == "no" || word == "none")) {
  }
  return word;
}

// Options that the table gives a condition are refused where it fails, each by its own name.
TEST(Conditions, EveryConditionOfTheTableBites) {
  int refused = 0;
  for (const OptionSpec& option : option_table()) {
    if (!is_run_option(option) || !option.applies_when.front().exists()) continue;
    Settings settings;
    const Condition& first = option.applies_when.front();
    if (first.option == "task") {
      const std::string task = failing_task(option);
      settings.set("task", task);
      if (find_source(task).reads_files()) settings.set(find_source(task).file_option, "/a");
    }
    for (const Condition& each : option.applies_when) {
      if (each.option != "task" && !each.words.empty()) settings.set(each.option, failing_word(each));
    }
    if (first.option == "init" && first.test == Condition::Test::off) settings.set("init", "/a");
    if (option.name == "validate-every") settings.set("validation-size", "0");
    const std::string value = option.kind == OptionKind::path || option.kind == OptionKind::pair_files ? "/b"
                              : option.kind == OptionKind::word ? asking_word(option)
                              : option.name == "stop-when"      ? "loss=1"
                              : option.placeholder == "HxW"     ? "8x8"
                                                                : fmt::format("{}", std::max(1.0, option.range.low));
    if (option.name == "train" || option.name == "text")
      continue;  // makes text the task, or says which task makes its own data
    const bool share = option.range.low < option.range.high && option.range.high <= 1;
    settings.set(option.name, share ? "0.5" : value);
    EXPECT_THAT(refusal(settings), testing::StartsWith("--" + std::string(option.name) + ": does not"))
        << refusal(settings);
    ++refused;
  }
  EXPECT_GE(refused, 18);
}

TEST(Conditions, OptionsOfOneCommandAreRefusedToo) {
  EXPECT_EQ(run({"gradcheck", "--sharpness"}).err, "tapehead: --sharpness: does nothing without --checkpoint\n");
  EXPECT_EQ(run({"gradcheck", "--valid", "x"}).err, "tapehead: --valid: does nothing without --checkpoint\n");
  EXPECT_EQ(run({"inspect", "x", "--input", "1", "--json", "--color", "always"}).err,
            "tapehead: --color: does nothing with --json\n");
  EXPECT_EQ(run({"attend", "--query", "x", "--key", "x", "--json", "--digits", "4"}).err,
            "tapehead: --digits: does nothing with --json\n");
}

TEST(Origins, AMessageAboutValuesSaysWhereEachCameFrom) {
  EXPECT_EQ(refusal({{"steps", "1"}}, "copy"),
            "steps: schedule cosine (preset copy) needs more steps than warm-up: steps 1 (command line), warmup 100 "
            "(preset copy); add --warmup 0, or take more steps");
  const Settings settings = with({{"heads", "3"}}, "copy");
  EXPECT_EQ(
      with_origins(settings, "heads: 3 heads do not divide d-model 64; choose a divisor"),
      "heads: 3 heads do not divide d-model 64; choose a divisor (heads 3: command line; d-model 64: preset copy)");
  EXPECT_EQ(with_origins(with({{"heads", "3"}, {"d-model", "64"}}), "heads: 3 heads do not divide d-model 64"),
            "heads: 3 heads do not divide d-model 64")
      << "both were typed just now";
  EXPECT_EQ(with_origins(settings, "training stopped"), "training stopped");
}

TEST_F(Rows, OfADecoderAreCalledByTheTokenBeingWritten) {
  ASSERT_EQ(run(tiny_train(path("run"))).status, 0);
  const auto inspect = [&](const std::string& layer, const std::string& folder) {
    return run({"inspect", path(folder), "--input", "1 2 3", "--layer", layer, "--json"}).json();
  };
  const auto self = inspect("decoder.layers.0.self_attention", "run");
  const auto cross = inspect("decoder.layers.0.cross_attention", "run");
  EXPECT_EQ(self["queries"], cross["queries"]);
  EXPECT_EQ(self["queries"].back(), "</s>");
  EXPECT_EQ(self["keys"].front(), "<s>");
  EXPECT_EQ(self["rows"], "the token being written");
  EXPECT_EQ(cross["rows"], "the token being written");
  EXPECT_EQ(inspect("encoder.layers.0.self_attention", "run")["rows"], "the source token");
  EXPECT_THAT(run({"inspect", path("run"), "--input", "1 2 3"}).out,
              HasSubstr("rows: the token being written; columns: the source tokens\n"));

  ASSERT_EQ(run(tiny_train(path("alone"), {"--model", "decoder"})).status, 0);
  const auto alone = inspect("", "alone");
  for (std::size_t t = 0; t + 1 < alone["keys"].size(); ++t) EXPECT_EQ(alone["queries"][t], alone["keys"][t + 1]);
}

TEST(Choices, TasksAndModelsOfTheListAreThoseOfTheOptions) {
  const nlohmann::json list = run({"list", "--json"}).json();
  for (const auto& [section, option] : {std::pair{"tasks", "task"}, {"models", "model"}}) {
    std::string names;
    for (const auto& entry : list[section]) names += (names.empty() ? "" : " ") + entry["name"].get<std::string>();
    EXPECT_EQ(names, find_option(option)->choices);
    EXPECT_FALSE(names.empty());
  }
}

}  // namespace
}  // namespace tapehead
