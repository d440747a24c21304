#include "experiments/options/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "autograd/base/errors.hpp"
#include "experiments/options/presets.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

std::string config_refusal(const std::string& text) {
  try {
    Settings().read_config(text, Origin::file, "my.cfg");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "taken";
}

TEST(Settings, CommandLineWinsOverFileOverPresetOverDefaultInWhateverOrderTheyAreRead) {
  Settings settings;
  EXPECT_EQ(settings.integer("heads"), 4);
  EXPECT_FALSE(settings.given("heads"));
  settings.set("heads", "16");
  settings.read_config("heads = 8\nlayers = 5\n", Origin::file, "my.cfg");
  settings.read_config("heads = 2\nlayers = 3\nd-ff = 7\n", Origin::preset, "preset p");
  EXPECT_EQ(settings.integer("heads"), 16);
  EXPECT_EQ(settings.integer("layers"), 5);
  EXPECT_EQ(settings.integer("d-ff"), 7);
}

TEST(Settings, ConfigTakesCommentsQuotesBlanksAndWindowsLineEnds) {
  Settings settings;
  settings.read_config("\xEF\xBB\xBF# a comment\r\n\r\n  heads=2 # two\r\nscale = \"none\"\r\nlr = 1e-2", Origin::file,
                       "my.cfg");
  EXPECT_EQ(settings.integer("heads"), 2);
  EXPECT_EQ(settings.text("scale"), "none");
  EXPECT_EQ(settings.real("lr"), 0.01);
}

TEST(Settings, ConfigErrorsNameFileLineAndOption) {
  EXPECT_EQ(config_refusal("\nheads = many\n"), "my.cfg:2: heads: \"many\" is not a whole number");
  EXPECT_EQ(config_refusal("haeds = 2\n"), "my.cfg:1: there is no option \"haeds\"; did you mean heads?");
  EXPECT_EQ(config_refusal("head = 2\n"), "my.cfg:1: head belongs on the command line only");
  EXPECT_EQ(config_refusal("out = x\n"), "my.cfg:1: out belongs on the command line only");
  EXPECT_EQ(config_refusal("heads\n"), "my.cfg:1: expected `name = value`");
  EXPECT_EQ(config_refusal("heads = 2\nlayers = 1\nheads = 3\n"), "my.cfg:3: heads is set twice, first in line 1");
}

TEST(Settings, WhatARunResolvedToReadsBackTheSame) {
  Settings settings;
  settings.read_config(find_preset("copy").text, Origin::preset, "preset copy");
  settings.set("lr", "3.3e-4");
  settings.set("scale", "0.1");
  settings.set("dropout", "0.30000000000000004");
  const std::string text = settings.config_text();
  Settings again;
  again.read_config(text, Origin::file, "config.cfg");
  EXPECT_EQ(again.config_text(), text);
  EXPECT_EQ(again.real("dropout"), 0.30000000000000004);
  EXPECT_THAT(text, HasSubstr("lr = 0.00033\n"));
}

TEST(Settings, PathsWithBlanksAndHashesSurviveTheConfig) {
  Settings settings;
  settings.set("task", "text");
  settings.set("train", "/data/my #1 file.tsv ");
  Settings again;
  again.read_config(settings.config_text(), Origin::file, "config.cfg");
  EXPECT_EQ(again.text("train"), "/data/my #1 file.tsv ");
}

TEST(Settings, PathsInAConfigAreRelativeToItsFolderAndTwoFilesStayTwo) {
  Settings settings;
  settings.read_config("task = text\ntrain = a.en,../b.de\n", Origin::file, "/usr/include/my.cfg", "/usr/include");
  EXPECT_EQ(settings.text("train"), "/usr/include/a.en,/usr/b.de");
}

TEST(Settings, AStepBackIsTakenAwayOnlyBehindAFolder) {
  namespace fs = std::filesystem;
  const fs::path root = fs::temp_directory_path() / ("tapehead_settings" + std::to_string(getpid()));
  fs::create_directories(root / "folder");
  fs::create_directories(root / "far" / "away");
  fs::create_directory_symlink(root / "far" / "away", root / "link");
  Settings settings;
  const auto kept = [&](const std::string& path) {
    settings.read_config("task = text\ntrain = " + path + "\n", Origin::file, "my.cfg", root.string());
    return settings.text("train");
  };
  EXPECT_EQ(kept("folder/../a.tsv"), (root / "a.tsv").string());
  EXPECT_EQ(kept("./folder//./a.tsv"), (root / "folder/a.tsv").string());
  EXPECT_EQ(kept("link/../a.tsv"), (root / "link/../a.tsv").string()) << "that is far/a.tsv";
  EXPECT_EQ(kept("link/../../folder/../a.tsv"), (root / "link/../../a.tsv").string());
  EXPECT_EQ(kept("nowhere/../a.tsv"), (root / "nowhere/../a.tsv").string()) << "the system opens nothing there";
  EXPECT_EQ(kept("/../a"), "/../a");
  fs::remove_all(root);
}

TEST(Settings, ThreadsAreNoPartOfWhatMakesARun) {
  Settings settings;
  settings.set("threads", "2");
  EXPECT_THAT(settings.config_text(), testing::Not(HasSubstr("threads")));
}

TEST(Presets, EachReadsAndSaysWhatItIs) {
  ASSERT_GE(presets().size(), 3U);
  for (const Preset& preset : presets()) {
    EXPECT_NO_THROW(Settings().read_config(preset.text, Origin::preset, "preset")) << preset.name;
    EXPECT_TRUE(preset.text.starts_with("# ")) << preset.name;
    EXPECT_FALSE(preset.description().empty()) << preset.name;
  }
  EXPECT_THROW(find_preset("cpoy"), ConfigError);
}

// Each of these was found by a fuzzer.
TEST(Config, WhatWasWrittenIsReadAsTheSame) {
  for (const std::string line :
       {R"(train = v" # pairs")", R"(train = "a b.tsv"",,,,)", R"(train = a,)", R"(train = ,b)", R"(train = """")",
        R"(train = " a")", R"(train = x # y)", R"(train = "x # y")", R"(init = a,b)"}) {
    Settings settings;
    settings.read_config(line + "\ntask = text\n", Origin::file, "first.cfg", "/folder");
    Settings again;
    again.read_config(settings.config_text(), Origin::file, "again.cfg", "/elsewhere");
    EXPECT_EQ(again.config_text(), settings.config_text()) << line;
  }
}

TEST(Config, AQuoteWithinQuotesStandsTwice) {
  Settings settings;
  settings.read_config(R"(train = "/a ""b"" # c")", Origin::file, "first.cfg");
  EXPECT_EQ(settings.text("train"), R"(/a "b" # c)");
}

}  // namespace
}  // namespace tapehead
