#include "autograd/base/output_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace tapehead {
namespace {

// Reading and writing for everybody, less what the user's mask takes away.
constexpr mode_t kUsual = 0666;

// The permissions of the file at `path`; -1 if there is none. A device or a pipe, or a link to one, is no file to put
// another in the place of: who may, as root, would take /dev/null away from everybody.
int mode_at(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || S_ISDIR(status.st_mode)) return -1;
  if (!S_ISREG(status.st_mode)) {
    const char* kind = S_ISFIFO(status.st_mode) ? "a pipe" : S_ISSOCK(status.st_mode) ? "a socket" : "a device";
    throw FileError(fmt::format("{}: is {}, not a file, and would be replaced; give another name", path, kind));
  }
  return static_cast<int>(status.st_mode & 0777U);
}

// A rename is on the disk once the folder is; some file systems cannot be asked for that (EINVAL).
void flush_folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const Descriptor opened(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.is_open() && (::fsync(opened.get()) == 0 || errno == EINVAL)) return;
  const int reason = errno;
  throw FileError(
      fmt::format("{}: is written, but its folder cannot be flushed to disk, so that a power cut may undo it", path),
      reason);
}

}  // namespace

OutputFile::OutputFile(std::string path) : path_(std::move(path)), fresh_(path_ + ".new") {
  if (path_.find('\0') != std::string::npos)
    throw FileError(fmt::format("{}…: the name of a file cannot hold a null byte", path_.c_str()));
  const int mode = mode_at(path_);
  if (::unlink(fresh_.c_str()) != 0 && errno != ENOENT) fail(errno);
  // Exclusively: were somebody to put a link there now, this would fail and not follow it.
  file_ = Descriptor(::open(fresh_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_APPEND,
                            mode < 0 ? kUsual : S_IRUSR | S_IWUSR));
  if (!file_.is_open()) fail(errno);
  if (mode >= 0 && ::fchmod(file_.get(), static_cast<mode_t>(mode)) != 0) fail(errno);
}

OutputFile::~OutputFile() {
  if (!committed_ && file_.is_open() && is_ours(fresh_)) ::unlink(fresh_.c_str());
}

// Whether the name still leads to the file that was made here.
bool OutputFile::is_ours(const std::string& name) const {
  struct stat mine {};
  struct stat there {};
  return ::fstat(file_.get(), &mine) == 0 && ::lstat(name.c_str(), &there) == 0 && mine.st_dev == there.st_dev &&
         mine.st_ino == there.st_ino;
}

void OutputFile::fail(int reason) {
  if (!committed_ && file_.is_open() && is_ours(fresh_)) ::unlink(fresh_.c_str());
  file_.close();
  throw FileError(path_ + ": cannot be written", reason);
}

void OutputFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail(written < 0 ? errno : ENOSPC);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void OutputFile::flush_to_disk() {
  if (::fsync(file_.get()) != 0) fail(errno);
  const std::string& name = committed_ ? path_ : fresh_;
  if (is_ours(name)) return;
  struct stat there {};
  if (::lstat(name.c_str(), &there) != 0) fail(errno);  // it or its folder is gone
  throw FileError(path_ + ": cannot be written: another file took its place; does another process write it too?");
}

void OutputFile::commit() {
  flush_to_disk();
  if (::rename(fresh_.c_str(), path_.c_str()) != 0) fail(errno);
  committed_ = true;
  flush_folder_of(path_);
}

void write_file(const std::string& path, std::string_view text) {
  OutputFile file(path);
  file.write(text);
  file.commit();
}

void make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw FileError(path + ": the folder cannot be made", error.value());
}

void remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    const int reason = errno;
    throw FileError(path + ": cannot be removed", reason);
  }
}

}  // namespace tapehead
