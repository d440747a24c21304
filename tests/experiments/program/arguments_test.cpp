#include "experiments/program/arguments.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "autograd/base/errors.hpp"
#include "experiments/program/help.hpp"
#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

std::string refusal(const std::string& command, const std::vector<std::string>& arguments) {
  try {
    parse_arguments(find_command(command), arguments);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "taken";
}

TEST(Arguments, SubjectAndOptionsComeInAnyOrder) {
  const Invocation call =
      parse_arguments(find_command("train"), {"--heads", "8", "copy", "--out=x", "--resume", "--lr", "1e-4"});
  EXPECT_EQ(call.subject, "copy");
  EXPECT_EQ(call.settings.integer("heads"), 8);
  EXPECT_EQ(call.settings.text("out"), "x");
  EXPECT_TRUE(call.settings.flag("resume"));
  EXPECT_FALSE(call.settings.flag("json"));
  EXPECT_EQ(call.settings.real("lr"), 1e-4);
}

TEST(Arguments, UnknownAndShortenedNamesAreRefusedWithTheNearest) {
  EXPECT_EQ(refusal("train", {"--haeds", "3"}), "--haeds: train has no such option; did you mean --heads?");
  EXPECT_EQ(refusal("train", {"--head", "3"}), "--head: train has no such option; did you mean --heads?");
  EXPECT_EQ(refusal("train", {"--label-smooth=0.1"}),
            "--label-smooth: train has no such option; did you mean --label-smoothing?");
  EXPECT_EQ(refusal("train", {"--qqqqqqqqq"}), "--qqqqqqqqq: train has no such option; see tapehead train --help");
  EXPECT_THAT(refusal("gradcheck", {"--heads", "3"}), HasSubstr("--heads: gradcheck has no such option"));
}

TEST(Arguments, MistakesInUsageSayWhatIsWrong) {
  EXPECT_EQ(refusal("train", {"copy", "--out"}), "--out: needs a value");
  EXPECT_EQ(refusal("train", {"copy", "--json=yes"}), "--json: takes no value");
  EXPECT_EQ(refusal("train", {"--seed", "1", "--seed", "2"}), "--seed: is given twice");
  EXPECT_EQ(refusal("train", {"--json", "--json"}), "--json: is given twice");
  EXPECT_THAT(refusal("train", {"copy", "reverse"}), HasSubstr("\"reverse\" is one word too many"));
  EXPECT_THAT(refusal("version", {"now"}), HasSubstr("\"now\" is one word too many"));
  EXPECT_THAT(refusal("train", {"-o", "x"}), HasSubstr("two dashes"));
  EXPECT_THAT(refusal("train", {"copy"}), HasSubstr("--out is missing"));
  EXPECT_EQ(refusal("train", {"--lr", "-1", "--out", "x"}), "--lr: must be more than 0, not -1");
}

TEST(Arguments, UnknownCommandsAreRefusedWithTheNearest) {
  EXPECT_THROW(find_command("trian"), ConfigError);
  try {
    find_command("trian");
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "there is no command \"trian\"; did you mean train?");
  }
}

TEST(Arguments, ARepeatableOptionGathersItsValues) {
  const Invocation call =
      parse_arguments(find_command("ablate"), {"--vary", "heads=1,2", "--vary", "scale=none", "--out", "x"});
  EXPECT_THAT(call.settings.list("vary"), testing::ElementsAre("heads=1,2", "scale=none"));
}

TEST(Help, EveryCommandShowsItsOwnOptionsAndOneExampleThatParses) {
  for (const Command& command : commands()) {
    const std::string text = command_help(command, true);
    for (const OptionSpec& option : command.options)
      EXPECT_THAT(text, testing::ContainsRegex("--" + std::string(option.name) + "[ \n]"));
    EXPECT_THAT(text, HasSubstr("example: "));
    EXPECT_THAT(std::string(command.example), HasSubstr("tapehead " + std::string(command.name)));
    const bool shapes_a_model = command.takes(*find_option("heads"));
    EXPECT_EQ(text.find("--heads") != std::string::npos, shapes_a_model) << command.name;
  }
}

TEST(Help, TheShortOneSaysHowManyOptionsItLeavesOut) {
  for (const Command& command : commands()) {
    const std::string brief = command_help(command, false);
    const std::string all = command_help(command, true);
    std::int64_t missing = 0;
    for (const OptionSpec& option : option_table()) {
      if (!command.takes(option)) continue;
      const std::string name = "  --" + std::string(option.name);
      EXPECT_NE(all.find(name), std::string::npos) << command.name << name;
      missing += brief.find(name + " ") == std::string::npos && brief.find(name + "\n") == std::string::npos;
    }
    if (missing == 0) continue;
    EXPECT_THAT(brief, HasSubstr(std::to_string(missing) + " more options not shown: tapehead " +
                                 std::string(command.name) + " --help all\n"));
  }
  EXPECT_LT(std::ranges::count(command_help(find_command("train"), false), '\n'), 70);
}

TEST(Help, IsAskedForInSeveralWays) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"--help"}, {"-h"}, {"copy", "-h"}}) {
    const Invocation call = parse_arguments(find_command("train"), words);
    EXPECT_TRUE(call.settings.flag("help"));
    EXPECT_FALSE(call.all_help);
  }
  EXPECT_TRUE(parse_arguments(find_command("train"), {"--help", "all"}).all_help);
  EXPECT_TRUE(parse_arguments(find_command("list"), {"-h", "all"}).all_help);
}

TEST(Help, OfTheProgramCanShowEveryOption) {
  const Ran all = run({"--help", "all"});
  EXPECT_EQ(all.status, 0) << all.err;
  EXPECT_EQ(run({"help", "all"}).out, all.out);
  EXPECT_TRUE(all.out.starts_with(run({"--help"}).out));
  for (const OptionSpec& option : option_table()) {
    EXPECT_THAT(all.out, testing::ContainsRegex("\n  --" + std::string(option.name) + "[ \n]"));
  }
  EXPECT_THAT(all.out, testing::ContainsRegex("--seeds N .* \\[3\\] \\(ablate\\)\n"));
  EXPECT_THAT(all.out, HasSubstr("options of single commands:\n"));
}

TEST(Help, EveryOptionOfACommandStandsInTheTable) {
  for (const Command& command : commands()) {
    for (const OptionSpec& option : command.options) EXPECT_NE(find_option(option.name), nullptr) << option.name;
  }
}

TEST(Help, EveryOptionOfTheTableBelongsToACommand) {
  for (const OptionSpec& option : option_table()) {
    EXPECT_TRUE(std::ranges::any_of(commands(), [&](const Command& command) { return command.takes(option); }))
        << option.name;
  }
}

}  // namespace
}  // namespace tapehead
