#include "autograd/base/file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "tests/support/folder.hpp"

namespace tapehead {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

void refused(const std::string& path, const std::string& why) {
  EXPECT_THAT([&] { InputFile{path}; }, ThrowsMessage<FileError>(AllOf(HasSubstr(path), HasSubstr(why))));
}

TEST(InputFile, ReadsWhatIsThere) {
  const ScratchFolder folder;
  const std::string text(200000, 'x');
  EXPECT_EQ(read_file(folder.write("a", text)), text);
  EXPECT_EQ(read_file(folder.write("empty", "")), "");
  EXPECT_EQ(InputFile(folder.path("a")).size(), text.size());
  EXPECT_NE(read_file("/proc/self/status"), "");  // says that it has no bytes
}

TEST(InputFile, WhatIsNoFileIsNamedAndNeverWaitedFor) {
  const ScratchFolder folder;
  refused(folder.path(), "is a folder, not a file");
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  refused(folder.path("pipe"), "is a pipe, not a file");
  refused("/dev/zero", "is a device, not a file");
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  folder.path("socket").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  refused(folder.path("socket"), "is a socket, not a file");
  ::close(socket);
}

TEST(InputFile, TheSystemsReasonAndWhatToDoAreSaid) {
  const ScratchFolder folder;
  refused(folder.path("absent"), "cannot be opened (No such file or directory); check the name");
  refused(folder.write("a", "x") + "/b", "cannot be opened (Not a directory)");
  fs::create_symlink("round", folder.path("round"));
  refused(folder.path("round"), "cannot be opened (Too many levels of symbolic links); mend the links");
  refused(folder.path(std::string(300, 'n')), "cannot be opened (File name too long); take a shorter name");
  refused("", "cannot be opened (No such file or directory)");
  EXPECT_THAT([&] { InputFile(std::string("a\0b", 3)); }, ThrowsMessage<FileError>(HasSubstr("null byte")));
  if (::geteuid() == 0) return;  // to the superuser permissions mean nothing
  ASSERT_EQ(::chmod(folder.path("a").c_str(), 0), 0);
  refused(folder.path("a"), "cannot be opened (Permission denied); check the permissions");
}

// A path is the system's to follow: cleaned up as text, this one would lead to the first file.
TEST(InputFile, FollowsLinksAsTheSystemDoes) {
  const ScratchFolder folder;
  fs::create_directories(folder.path("far/away"));
  folder.write("p", "here");
  folder.write("far/p", "there");
  fs::create_symlink(folder.path("far/away"), folder.path("link"));
  EXPECT_EQ(read_file(folder.path("link/../p")), "there");
}

TEST(InputFile, AReadErrorIsNotTheEnd) {
  // The first page of a process's memory is never there: reading it is an input/output error.
  EXPECT_THAT([] { read_file("/proc/self/mem"); },
              ThrowsMessage<FileError>(HasSubstr("/proc/self/mem: cannot be read (Input/output error)")));
}

TEST(TextIfAny, IsEmptyWhereThereIsNone) {
  EXPECT_NE(text_if_any("/proc/self/status"), "");
  for (const char* path : {"/nowhere", "/", "/dev/zero", "/proc/self/mem"}) EXPECT_EQ(text_if_any(path), "");
}

TEST(ReadFile, HasALimit) {
  const ScratchFolder folder;
  const std::string path = folder.write("a", "0123456789");
  EXPECT_EQ(read_file(path, 10), "0123456789");
  EXPECT_THAT([&] { read_file(path, 9); }, ThrowsMessage<FileError>(HasSubstr("is larger than 9 bytes")));
  fs::resize_file(path, std::uintmax_t{1} << 40U);  // a hole: nothing of it is on the disk
  EXPECT_THAT([&] { read_file(path); }, ThrowsMessage<FileError>(HasSubstr("is larger than")));
}

// With another descriptor 0 for as long as it lives.
class OtherInput {
 public:
  explicit OtherInput(const char* path, int flags = O_RDONLY) : old_(::dup(STDIN_FILENO)) {
    const Descriptor file(::open(path, flags));
    ::dup2(file.get(), STDIN_FILENO);
  }
  ~OtherInput() { ::dup2(old_.get(), STDIN_FILENO); }
  OtherInput(const OtherInput&) = delete;
  OtherInput& operator=(const OtherInput&) = delete;

 private:
  Descriptor old_;
};

TEST(StandardInput, AFolderOrABadDiskIsAnError) {
  std::array<char, 10> bytes{};
  {
    const OtherInput input("/", O_RDONLY | O_DIRECTORY);
    EXPECT_THAT([&] { StandardInput().read(bytes); },
                ThrowsMessage<FileError>(HasSubstr("standard input: cannot be read (Is a directory)")));
  }
  const OtherInput input("/proc/self/mem");
  EXPECT_THAT([&] { StandardInput().read(bytes); },
              ThrowsMessage<FileError>(HasSubstr("standard input: cannot be read (Input/output error)")));
}

TEST(StandardInput, KnowsWhetherItWouldWait) {
  const ScratchFolder folder;
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  const OtherInput input(folder.path("pipe").c_str(), O_RDWR | O_NONBLOCK);
  StandardInput standard;
  EXPECT_FALSE(standard.is_ready());
  const Descriptor writer(::open(folder.path("pipe").c_str(), O_WRONLY));
  ASSERT_EQ(::write(writer.get(), "ab", 2), 2);
  EXPECT_TRUE(standard.is_ready());
  std::array<char, 10> bytes{};
  EXPECT_EQ(standard.read(bytes), 2U);
}

TEST(FileExists, SaysWhereItCannotBeKnown) {
  const ScratchFolder folder;
  EXPECT_FALSE(file_exists(folder.path("a")));
  folder.write("a", "");
  EXPECT_TRUE(file_exists(folder.path("a")));
  EXPECT_FALSE(file_exists(folder.path("a/b")));
  EXPECT_TRUE(is_folder(folder.path()));
  EXPECT_FALSE(is_folder(folder.path("a")));
  fs::create_symlink("round", folder.path("round"));
  EXPECT_THAT([&] { file_exists(folder.path("round")); }, ThrowsMessage<FileError>(HasSubstr("symbolic links")));
  EXPECT_THAT([&] { file_exists(folder.path(std::string(300, 'n'))); },
              ThrowsMessage<FileError>(HasSubstr("File name too long")));
}

}  // namespace
}  // namespace tapehead
