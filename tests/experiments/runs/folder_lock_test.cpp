#include "experiments/runs/folder_lock.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <optional>

#include "autograd/base/errors.hpp"
#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

class Lock : public InFolder {
 protected:
  void SetUp() override { std::filesystem::create_directory(path("run")); }
};

TEST_F(Lock, IsOnePersonsAtATime) {
  std::optional<FolderLock> first(std::in_place, path("run"), "train");
  EXPECT_TRUE(first->holds());
  const std::string who = "process " + std::to_string(getpid());
  EXPECT_THAT(
      [&] { FolderLock(path("run"), "ablate"); },
      ThrowsMessage<ConfigError>(AllOf(HasSubstr(path("run") + ": is in use by tapehead train, " + who + " on "),
                                       HasSubstr(", since 20"), HasSubstr("choose another --out"))));
  first.reset();
  EXPECT_TRUE(std::filesystem::is_empty(path("run"))) << "nothing stays";
  EXPECT_TRUE(FolderLock(path("run"), "ablate").holds());
}

// However the holder ends: the file stays, the lock does not.
TEST_F(Lock, IsGoneWithTheProcessThatHadIt) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const FolderLock lock(path("run"), "train");
    [[maybe_unused]] const auto written = ::write(ready[1], "x", 1);
    while (true) pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_THAT([&] { FolderLock(path("run"), "train"); },
              ThrowsMessage<ConfigError>(HasSubstr("process " + std::to_string(child))));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(std::filesystem::exists(path("run/.lock")));
  EXPECT_TRUE(FolderLock(path("run"), "train").holds());
  close(ready[0]);
  close(ready[1]);
}

TEST_F(Lock, FollowsNoLinkAndWaitsForNoPipe) {
  InFolder::write("mine", "kept");
  std::filesystem::create_symlink(path("mine"), path("run/.lock"));
  EXPECT_THAT([&] { FolderLock(path("run"), "train"); }, ThrowsMessage<ConfigError>(HasSubstr("cannot be written")));
  EXPECT_EQ(InFolder::read("mine"), "kept");
  std::filesystem::remove(path("run/.lock"));
  ASSERT_EQ(mkfifo(path("run/.lock").c_str(), 0600), 0);
  EXPECT_THAT([&] { FolderLock(path("run"), "train"); }, ThrowsMessage<ConfigError>(HasSubstr("is not a file")));
}

TEST_F(Lock, AFolderThatWasFilledMeanwhileIsRefused) {
  ResultFolder folder(path("new"), "train");
  InFolder::write("other", "");
  std::filesystem::create_directory(path("new"));
  InFolder::write("new/config.cfg", "");
  EXPECT_THAT([&] { folder.make(); },
              ThrowsMessage<ConfigError>(HasSubstr("another process has just written into it")));
}

TEST_F(Lock, ATrainingRunHoldsItAndGivesItBack) {
  ASSERT_EQ(run(tiny_train(path("trained"))).status, 0);
  EXPECT_FALSE(std::filesystem::exists(path("trained/.lock")));
  const std::string before = InFolder::read("trained/metrics.csv");
  const FolderLock other(path("trained"), "train");
  for (const auto& words :
       {tiny_train(path("trained")), {"train", "--resume", "--out", path("trained"), "--steps", "20"}}) {
    const Ran ran = run(words);
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("is in use by tapehead train"));
  }
  EXPECT_EQ(InFolder::read("trained/metrics.csv"), before);
}

}  // namespace
}  // namespace tapehead
