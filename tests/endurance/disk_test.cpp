// Disks that are full or read-only, folders that vanish: the last good checkpoint stays, and a line says what to do.

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "tests/endurance/child.hpp"
#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class Disk : public InFolder {
 protected:
  std::vector<std::string> long_run() const {
    return ragged_run(3, {"--steps", "1000000", "--checkpoint-every", "20", "--out", path("run")});
  }

  void wait_for(const std::string& name) const {
    for (int i = 0; i < 2000 && !fs::exists(path(name)); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ASSERT_TRUE(fs::exists(path(name)));
  }

  void expect_one_line(const std::string& log, const testing::Matcher<const std::string&>& message) const {
    const std::string text = read(log);
    const std::string last = text.substr(text.rfind("tapehead: ") == std::string::npos ? 0 : text.rfind("tapehead: "));
    EXPECT_THAT(last, message);
    EXPECT_EQ(std::ranges::count(last, '\n'), 1) << text;
  }

  // The bits that a run of so many steps comes to.
  std::string digest_of(std::int64_t steps) {
    fs::remove_all(path("fresh"));
    return run(ragged_run(3, {"--steps", std::to_string(steps), "--out", path("fresh")})).json()["parameter_digest"];
  }
};

TEST_F(Disk, AFullOneStopsTheRunAndLeavesTheLastCheckpoint) {
  // As far as a process can have a full disk: no file may grow past so many blocks of 512 bytes, which rows of
  // metrics.csv reach, or checkpoints do at once.
  ASSERT_EQ(run(ragged_run(3, {"--steps", "40", "--out", path("run")})).status, 0);
  const std::string good = read("run/checkpoint.h5");
  for (const char* blocks : {"1", "40"}) {
    Child child("/bin/sh",
                {"-c", R"({ (ulimit -f "$0"; exec "$@"); echo "status $?"; } 2>&1 | cat)", blocks, TAPEHEAD_PROGRAM,
                 "train", "--resume", "--out", path("run"), "--steps", "400"},
                path("log"));
    child.wait();
    EXPECT_THAT(read("log"), testing::EndsWith("\nstatus 2\n"));
    EXPECT_THAT(read("log"), AllOf(HasSubstr("tapehead: "), HasSubstr("File too large"), HasSubstr("then resume")));
    EXPECT_EQ(read("run/checkpoint.h5"), good);
    EXPECT_FALSE(fs::exists(path("run/checkpoint.h5.new")));
  }
  // There is room again: it goes on as if nothing had happened.
  const Ran rest = run({"train", "--resume", "--json", "--out", path("run"), "--steps", "80"});
  ASSERT_EQ(rest.status, 0) << rest.err;
  EXPECT_EQ(rest.json()["parameter_digest"], digest_of(80));
}

TEST_F(Disk, AFolderThatVanishesIsNamed) {
  Child child(TAPEHEAD_PROGRAM, long_run(), path("log"));
  wait_for("run/checkpoint.h5");
  fs::rename(path("run"), path("moved"));
  EXPECT_EQ(child.wait(), 2);
  expect_one_line("log", AllOf(HasSubstr(path("run")), HasSubstr("No such file or directory")));
  const Ran rest = run({"eval", path("moved"), "--json"});
  EXPECT_EQ(rest.status, 0) << rest.err;
}

TEST_F(Disk, AFolderThatBecomesAFileIsNamed) {
  Child child(TAPEHEAD_PROGRAM, long_run(), path("log"));
  wait_for("run/checkpoint.h5");
  fs::rename(path("run"), path("moved"));
  write("run", "in the way");
  EXPECT_EQ(child.wait(), 2);
  expect_one_line("log", AllOf(HasSubstr(path("run")), HasSubstr("Not a directory")));
  EXPECT_EQ(read("run"), "in the way");
}

TEST_F(Disk, AReadOnlyFolderIsNamedBeforeAnythingIsTrained) {
  if (::geteuid() == 0 && ::access("/proc/sys/kernel/random/uuid", W_OK) == 0)
    GTEST_SKIP() << "no read-only folder here";
  // To the superuser permission bits mean nothing; /proc takes no files from anybody.
  const std::string locked = ::geteuid() == 0 ? "/proc/tapehead" : path("locked/run");
  fs::create_directories(path("locked"));
  fs::permissions(path("locked"), fs::perms::owner_read | fs::perms::owner_exec);
  const Ran ran = run(tiny_train(locked));
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("tapehead: " + locked + ": the folder cannot be made"), HasSubstr("--out")));
  fs::permissions(path("locked"), fs::perms::owner_all);
}

TEST_F(Disk, AFileThatIsInTheWayOfTheFolderIsNamed) {
  write("run", "mine");
  const Ran ran = run(tiny_train(path("run")));
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr(path("run") + ": the folder cannot be made"));
  EXPECT_EQ(read("run"), "mine");
}

// What a killed run left half-written is no obstacle, and no result.
TEST_F(Disk, LeftoversOfAKilledRunAreWrittenOver) {
  ASSERT_EQ(run(ragged_run(3, {"--steps", "40", "--out", path("run")})).status, 0);
  for (const char* name : {"checkpoint.h5", "metrics.csv", "config.cfg", "best.h5"}) {
    write(std::string("run/") + name + ".new", "half");
  }
  const Ran rest = run({"train", "--resume", "--json", "--out", path("run"), "--steps", "60"});
  ASSERT_EQ(rest.status, 0) << rest.err;
  EXPECT_EQ(rest.json()["parameter_digest"], digest_of(60));
  EXPECT_FALSE(fs::exists(path("run/checkpoint.h5.new")));
  EXPECT_FALSE(fs::exists(path("run/metrics.csv.new")));
}

TEST_F(Disk, NoCommandIsSilentWhenItsResultsCannotBeWritten) {
  if (!fs::exists("/dev/full")) GTEST_SKIP();
  ASSERT_EQ(run(tiny_train(path("run"))).status, 0);
  const std::string numbers = write("numbers", "1 2\n3 4\n");
  for (const std::string words : {"list", "version", "--help", "train --help", "summary copy", "eval RUN",
                                  "eval RUN --json", "inspect RUN --input 1", "attend --query NUMBERS --key NUMBERS",
                                  "gradcheck ops/add", "train --resume --out RUN --json"}) {
    std::string command = words;
    for (const auto& [name, value] : {std::pair{"RUN", path("run")}, {"NUMBERS", numbers}}) {
      for (std::size_t at; (at = command.find(name)) != std::string::npos;)
        command.replace(at, std::strlen(name), value);
    }
    Child child("/bin/sh", {"-c", std::string(TAPEHEAD_PROGRAM) + " " + command + " >/dev/full"}, path("log"));
    EXPECT_EQ(child.wait(), 2) << words << "\n" << read("log");
    EXPECT_THAT(read("log"), HasSubstr("the results cannot be written to standard output")) << words;
  }
}

}  // namespace
}  // namespace tapehead
