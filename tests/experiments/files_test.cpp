// What the program does with files that cannot be read or written as one would hope: one line, status 2, nothing lost.

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cmath>

#include "autograd/poison.hpp"
#include "tests/experiments/shell_support.hpp"
#include "trainers/tensor_file.hpp"

namespace tapehead {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

// Reading this is an input/output error: the first page of a process's memory is never there.
constexpr const char* kBadDisk = "/proc/self/mem";

class Files : public InFolder {
 protected:
  void train() { ASSERT_EQ(run(tiny_train(path("run"))).status, 0); }
  Ran resume(const std::string& folder) const {
    return run({"train", "--resume", "--steps", "16", "--out", path(folder)});
  }
  static void expect_refusal(const Ran& ran, const testing::Matcher<const std::string&>& message) {
    EXPECT_EQ(ran.status, 2);
    EXPECT_EQ(ran.out, "");
    // An ablation says before anything else how many runs it is.
    const bool ablation = ran.err.find(" runs: ") < ran.err.find('\n');
    EXPECT_TRUE(ran.err.substr(ablation ? ran.err.find('\n') + 1 : 0).starts_with("tapehead: ")) << ran.err;
    EXPECT_EQ(std::ranges::count(ran.err, '\n'), ablation ? 2 : 1) << ran.err;
    EXPECT_THAT(ran.err, message);
  }
};

TEST_F(Files, AnErrorOfReadingIsNotTheEndOfAFile) {
  train();
  fs::create_symlink(kBadDisk, path("bad"));
  expect_refusal(run({"summary", "--config", path("bad")}), HasSubstr("bad: cannot be read (Input/output error)"));
  expect_refusal(run({"train", "--train", path("bad"), "--out", path("out")}), HasSubstr("Input/output error"));
  expect_refusal(run({"attend", "--query", path("bad"), "--key", path("bad")}), HasSubstr("Input/output error"));
  expect_refusal(run({"eval", path("bad")}), HasSubstr("Input/output error"));

  const std::string rows = read("run/metrics.csv");
  fs::remove(path("run/metrics.csv"));
  fs::create_symlink(kBadDisk, path("run/metrics.csv"));
  expect_refusal(resume("run"), AllOf(HasSubstr("run/metrics.csv"), HasSubstr("Input/output error")));
  fs::remove(path("run/metrics.csv"));
  write("run/metrics.csv", rows);
  EXPECT_EQ(resume("run").status, 0);
  EXPECT_TRUE(read("run/metrics.csv").starts_with(rows));
}

TEST_F(Files, StandardInputThatIsNoTextEndsInOneLine) {
  train();
  const std::string predict = "predict '" + path("run") + "' 2>&1 <";
  for (const auto& [input, message] :
       {std::pair<std::string, std::string>{"/", "standard input: cannot be read (Is a directory)"},
        {"/proc/$$/mem", "standard input: cannot be read (Input/output error)"},
        {"/dev/zero", "standard input:1: the line is longer than 1048576 bytes"}}) {
    const Ran ran = shell(predict + input);
    EXPECT_EQ(ran.status, 2) << input;
    EXPECT_TRUE(ran.out.starts_with("tapehead: " + message)) << ran.out.substr(0, 300);
    EXPECT_EQ(std::ranges::count(ran.out, '\n'), 1) << input;
  }
}

TEST_F(Files, LinesBeforeABadOneAreAnswered) {
  train();
  const Ran ran = run({"predict", path("run")},
                      "1 2\r\n\xef\xbb\xbf"
                      "1 2\n" +
                          std::string("1\0"
                                      "2\n",
                                      4) +
                          "3\n");
  EXPECT_EQ(ran.status, 2);
  EXPECT_EQ(std::ranges::count(ran.out, '\n'), 4) << "one line out for each line in";
  EXPECT_THAT(ran.err, HasSubstr("tapehead: standard input:3: holds a null byte"));
  const Ran mac = run({"predict", path("run")}, "1 2\r2 1\r");
  EXPECT_EQ(mac.status, 0) << mac.err;
  EXPECT_EQ(std::ranges::count(mac.out, '\n'), 2);
}

// Before its first checkpoint a run is nothing but its config.cfg: one that was cut off would make another run.
TEST_F(Files, AConfigurationThatWasCutOffIsNotResumed) {
  train();
  const std::string whole = read("run/config.cfg");
  fs::create_directory(path("cut"));
  const std::vector<std::size_t> lengths{
      0, 1, 20, whole.find('\n') + 1, whole.size() / 2, whole.rfind('\n', whole.size() - 2) + 1, whole.size() - 1};
  for (const std::size_t length : lengths) {
    write("cut/config.cfg", whole.substr(0, length));
    const Ran ran = resume("cut");
    expect_refusal(ran, HasSubstr("cut/config.cfg"));
    EXPECT_FALSE(fs::exists(path("cut/checkpoint.h5"))) << length;
  }
  write("cut/config.cfg", "");
  expect_refusal(resume("cut"), HasSubstr("config.cfg: is incomplete, task is missing"));
  write("cut/config.cfg", whole);
  EXPECT_EQ(resume("cut").status, 0);
}

TEST_F(Files, NothingIsWrittenThroughALinkOrIntoAPipe) {
  train();
  write("dear", "to me");
  for (const char* name : {"checkpoint.h5", "metrics.csv", "config.cfg"}) {
    const std::string fresh = path("run/" + std::string(name) + ".new");
    fs::create_symlink(path("dear"), fresh);
    EXPECT_EQ(run({"train", "--resume", "--steps", "12", "--out", path("run")}).status, 0);
    fs::remove(fresh);
    ASSERT_EQ(::mkfifo(fresh.c_str(), 0600), 0);
  }
  const Ran ran = resume("run");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(read("dear"), "to me");
  for (const auto& entry : fs::directory_iterator(path("run"))) EXPECT_TRUE(entry.is_regular_file()) << entry.path();
}

TEST_F(Files, APrivateRunStaysPrivate) {
  train();
  for (const auto& entry : fs::directory_iterator(path("run"))) ASSERT_EQ(::chmod(entry.path().c_str(), 0600), 0);
  ASSERT_EQ(resume("run").status, 0);
  for (const auto& entry : fs::directory_iterator(path("run"))) {
    EXPECT_EQ(fs::status(entry.path()).permissions(), fs::perms::owner_read | fs::perms::owner_write) << entry.path();
  }
}

// The first bytes decide. The limit is on addresses: neither file would fit into them.
TEST_F(Files, NothingIsReadOfALargeFileThatIsSomethingElse) {
  if (kPoisons) GTEST_SKIP() << "a sanitizer takes terabytes of addresses";
  train();
  fs::resize_file(write("big", "not a checkpoint"), std::uintmax_t{3} << 30U);
  const Ran ran = shell_command("ulimit -v 2000000; \"" TAPEHEAD_PROGRAM "\" eval '" + path("big") + "' 2>&1");
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.out, HasSubstr("is not a tapehead checkpoint"));
  for (const char* option : {"--config", "--train"}) {
    expect_refusal(run({"train", option, path("big"), "--out", path("out")}), HasSubstr(path("big")));
  }
}

TEST_F(Files, TheSystemsRefusalsAreOneLine) {
  fs::create_symlink("loop", path("loop"));
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  const std::string long_name = path(std::string(300, 'n'));
  for (const auto& [name, message] : {std::pair{path("loop"), "(Too many levels of symbolic links); mend the links"},
                                      {path("pipe"), "is a pipe, not a file"},
                                      {long_name, "(File name too long); take a shorter name"},
                                      {std::string("/dev/null"), "is a device, not a file"}}) {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"train", "--config", name, "--out", path("out")},
          {"train", "--train", name, "--out", path("out")},
          {"attend", "--query", name, "--key", name},
          {"eval", name},
          tiny_train(path("out"), {"--init", name})}) {
      expect_refusal(run(words), AllOf(HasSubstr(name), HasSubstr(message)));
    }
  }
  for (const std::string& folder : {path("loop"), long_name}) {
    for (const std::vector<std::string>& words : {tiny_train(folder),
                                                  tiny_train(folder, {"--resume"}),
                                                  {"ablate", "copy", "--vary", "heads=1,2", "--out", folder},
                                                  {"summary", folder}}) {
      expect_refusal(run(words), testing::Not(HasSubstr("filesystem error")));
    }
  }
  EXPECT_FALSE(fs::exists(path("out")));
}

TEST_F(Files, WhatIsWrongWithAFileIsSaidWithWhereAndWhatToDo) {
  const std::string empty = write("empty.h5", "");
  EXPECT_EQ(run({"eval", empty}).err, "tapehead: checkpoint: " + empty + " is empty; take a copy, or train anew\n");
  const std::string other = write("other.h5", std::string(1000, 'x'));
  EXPECT_EQ(run({"eval", other}).err, "tapehead: checkpoint: " + other +
                                          " is not a tapehead checkpoint; name the folder "
                                          "of a run, or checkpoint.h5 in it\n");
  const std::string cut = write("cut.h5", std::string("\x89HDF\r\n\x1a\n", 8) + std::string(100, '\0'));
  EXPECT_EQ(run({"attend", "--input", cut}).err,
            "tapehead: " + cut + ": cannot be read: HDF5 finds it damaged or cut off\n");
  const double nan = std::nan("");
  write_tensors(path("nan.h5"),
                {{"q", {{1, 2, 1, 2}, {1, 2, 3, nan}}}, {"k", {{1, 1, 1, 2}, {1, 2}}}, {"v", {{1, 1, 1, 2}, {1, 2}}}});
  EXPECT_EQ(run({"attend", "--input", path("nan.h5")}).err,
            "tapehead: " + path("nan.h5") + ": q holds nan at (0, 1, 0, 1), from 0 on; numbers must be finite\n");
  write_tensors(path("mask.h5"), {{"q", {{1, 1, 1, 1}, {1}}},
                                  {"k", {{1, 1, 1, 1}, {1}}},
                                  {"v", {{1, 1, 1, 1}, {1}}},
                                  {"mask", {{1, 1}, {-INFINITY}}}});
  EXPECT_THAT(run({"attend", "--input", path("mask.h5")}).err, HasSubstr("mask holds -inf at (0, 0)"))
      << "a mask that is added is none that selects";
  ASSERT_EQ(run(tiny_train(path("small"))).status, 0);
  EXPECT_THAT(run({"predict", path("small")}, "1 2 3 4 5 1 2 3 4 5\n").err,
              HasSubstr("standard input:1: 10 tokens need 11 positions, but the model has 6; give fewer, or train with "
                        "--max-positions 11"));
  // A recurrent model has no such limit by itself, and its weights go on in one with more room.
  std::vector<std::string> recurrent = tiny_train(path("state"), {"--model", "rnn"});
  recurrent.erase(std::ranges::find(recurrent, "--d-ff"), std::ranges::find(recurrent, "--d-ff") + 2);
  ASSERT_EQ(run(recurrent).status, 0);
  EXPECT_THAT(run({"predict", path("state")}, "1 2 3 4 5 1 2 3 4 5\n").err,
              HasSubstr("--max-positions 11, which a recurrent model needs no new weights for: take these by --init"));
  std::ranges::replace(recurrent, path("state"), path("wide"));
  std::ranges::replace(recurrent, std::string("12"), std::string("0"));
  recurrent.insert(recurrent.end(), {"--init", path("state"), "--max-positions", "11"});
  ASSERT_EQ(run(recurrent).status, 0);
  const std::string line = "1 2 3 4\n";
  EXPECT_TRUE(
      run({"predict", path("wide")}, line).out.starts_with(lines_of(run({"predict", path("state")}, line).out)[0]));
  EXPECT_EQ(run({"predict", path("wide")}, "1 2 3 4 5 1 2 3 4 5\n").status, 0);
  EXPECT_THAT(run(tiny_train(path("b"), {"--init", path("small"), "--init-check", "shapes", "--d-ff", "9"})).err,
              HasSubstr("is needed; give the options that it was trained with"));
}

}  // namespace
}  // namespace tapehead
