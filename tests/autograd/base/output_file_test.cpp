#include "autograd/base/output_file.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "tests/support/folder.hpp"

namespace tapehead {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

class Output : public testing::Test {
 protected:
  std::string target() const { return folder_.path("a"); }
  std::string fresh() const { return folder_.path("a.new"); }
  static mode_t mode_of(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0);
    return status.st_mode & 07777U;
  }

  ScratchFolder folder_;
};

TEST_F(Output, TakesThePlaceOfTheOldOneOnlyWhenItIsWhole) {
  folder_.write("a", "old");
  {
    OutputFile file(target());
    file.write("new");
    EXPECT_EQ(folder_.read("a"), "old");
    EXPECT_EQ(folder_.read("a.new"), "new");
  }  // left without commit()
  EXPECT_EQ(folder_.read("a"), "old");
  EXPECT_FALSE(fs::exists(fresh()));

  OutputFile file(target());
  file.write("new");
  file.commit();
  EXPECT_EQ(folder_.read("a"), "new");
  EXPECT_FALSE(fs::exists(fresh()));
  file.write(" and more");
  file.flush_to_disk();
  EXPECT_EQ(folder_.read("a"), "new and more");
}

// Whatever stands under the name of the file beside: its target, if it is a link, is somebody else's.
TEST_F(Output, NeverWritesThroughWhatItFindsBeside) {
  const std::string mine = folder_.write("mine", "dear to me");
  fs::create_symlink(mine, fresh());
  write_file(target(), "text");
  EXPECT_EQ(folder_.read("mine"), "dear to me");
  EXPECT_FALSE(fs::is_symlink(target()));

  fs::create_hard_link(mine, fresh());
  write_file(target(), "text");
  EXPECT_EQ(folder_.read("mine"), "dear to me");

  ASSERT_EQ(::mkfifo(fresh().c_str(), 0600), 0);
  write_file(target(), "more");  // and does not wait for a reader
  EXPECT_EQ(folder_.read("a"), "more");

  folder_.write("a.new", "a leftover that is longer");
  write_file(target(), "less");
  EXPECT_EQ(folder_.read("a"), "less");

  fs::create_directory(fresh());
  EXPECT_THAT([&] { write_file(target(), "x"); }, ThrowsMessage<FileError>(HasSubstr("cannot be written")));
  EXPECT_EQ(folder_.read("a"), "less");
}

TEST_F(Output, ALinkInItsPlaceIsReplacedAndNotFollowed) {
  const std::string mine = folder_.write("mine", "dear to me");
  fs::create_symlink(mine, target());
  write_file(target(), "text");
  EXPECT_EQ(folder_.read("mine"), "dear to me");
  EXPECT_EQ(folder_.read("a"), "text");
  EXPECT_FALSE(fs::is_symlink(target()));
}

// A pipe, a device, and a link to one stay what they are: as root, a file put in the place of /dev/null would end
// badly.
TEST_F(Output, TakesThePlaceOfNoPipeAndNoDevice) {
  ASSERT_EQ(::mkfifo(target().c_str(), 0600), 0);
  EXPECT_THAT([&] { write_file(target(), "x"); },
              ThrowsMessage<FileError>(HasSubstr("is a pipe, not a file, and would be replaced")));
  EXPECT_TRUE(fs::is_fifo(target()));
  fs::remove(target());
  fs::create_symlink("/dev/null", target());
  EXPECT_THAT([&] { write_file(target(), "x"); }, ThrowsMessage<FileError>(HasSubstr("is a device, not a file")));
  EXPECT_TRUE(fs::is_symlink(target()));
  EXPECT_FALSE(fs::exists(fresh()));
}

TEST_F(Output, KeepsThePermissionsOfTheFileThatItReplaces) {
  for (const mode_t mode : {0600U, 0640U, 0644U, 0660U}) {
    folder_.write("a", "old");
    ASSERT_EQ(::chmod(target().c_str(), mode), 0);
    OutputFile file(target());
    EXPECT_EQ(mode_of(fresh()), mode);  // from the beginning: it may hold what others must not read
    file.commit();
    EXPECT_EQ(mode_of(target()), mode);
  }
  fs::remove(target());
  const mode_t mask = ::umask(027);
  write_file(target(), "new");
  ::umask(mask);
  EXPECT_EQ(mode_of(target()), 0640U);
}

TEST_F(Output, TheSystemsReasonIsSaid) {
  const std::string nowhere = folder_.path("missing") + "/a";
  EXPECT_THAT([&] { write_file(nowhere, "x"); },
              ThrowsMessage<FileError>(HasSubstr(nowhere + ": cannot be written (No such file or directory)")));
  fs::create_directory(target());
  EXPECT_THAT([&] { write_file(target(), "x"); }, ThrowsMessage<FileError>(HasSubstr("(Is a directory)")));
  EXPECT_FALSE(fs::exists(fresh()));
  EXPECT_THROW(write_file(std::string("a\0b", 3), "x"), FileError);
}

TEST_F(Output, NoRoomLeavesTheOldOneAndNothingBeside) {
  folder_.write("a", "old");
  const auto full = [&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100, 100};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_file(target(), std::string(1000, 'x'));
    } catch (const FileError& error) {
      std::_Exit(error.code == EFBIG ? 42 : 1);
    }
    std::_Exit(0);
  };
  EXPECT_EXIT(full(), testing::ExitedWithCode(42), "");
  EXPECT_EQ(folder_.read("a"), "old");
  EXPECT_FALSE(fs::exists(fresh()));
}

TEST_F(Output, AnothersHalfWrittenFileNeverTakesThePlace) {
  folder_.write("a", "old");
  OutputFile first(target());
  first.write("first");
  OutputFile second(target());
  second.write("half");
  EXPECT_THAT([&] { first.commit(); }, ThrowsMessage<FileError>(HasSubstr("another process")));
  EXPECT_EQ(folder_.read("a"), "old");
  second.commit();
  EXPECT_EQ(folder_.read("a"), "half");
}

TEST_F(Output, AFileThatWasTakenAwayIsMissed) {
  OutputFile file(target());
  file.commit();
  fs::rename(target(), folder_.path("moved"));
  file.write("lost");
  EXPECT_THROW(file.flush_to_disk(), FileError);
}

TEST_F(Output, FoldersAreMadeWithThoseAbove) {
  make_folder(folder_.path("b/c/d"));
  EXPECT_TRUE(is_folder(folder_.path("b/c/d")));
  make_folder(folder_.path("b/c/d"));
  folder_.write("file", "");
  EXPECT_THAT([&] { make_folder(folder_.path("file/x")); },
              ThrowsMessage<FileError>(AllOf(HasSubstr("the folder cannot be made"), HasSubstr("Not a directory"))));
}

}  // namespace
}  // namespace tapehead
