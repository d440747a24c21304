#include "experiments/runs/folder_lock.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <string_view>

#include "autograd/base/errors.hpp"
#include "experiments/runs/run.hpp"

namespace tapehead {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kName = ".lock";
constexpr std::size_t kLongestHolder = 300;

[[noreturn]] void fail(const std::string& path) {
  throw ConfigError(fmt::format("{}: cannot be written ({}); choose another --out", path, std::strerror(errno)));
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "an unknown host";
}

// One line about this process.
std::string this_holder(const std::string& command) {
  return fmt::format("tapehead {}, process {} on {}, since {:%Y-%m-%d %H:%M:%S} UTC", command, ::getpid(), host_name(),
                     fmt::gmtime(std::time(nullptr)));
}

// What the holder wrote, as far as it is a line of plain text.
std::string holder_in(int file) {
  std::array<char, kLongestHolder> text{};
  const ssize_t size = ::pread(file, text.data(), text.size(), 0);
  std::string holder(text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  holder.erase(std::min(holder.find('\n'), holder.size()));
  std::ranges::replace_if(
      holder, [](unsigned char c) { return c < ' ' || c > '~'; }, '?');
  return holder.empty() ? "another process" : holder;
}

bool lock(int file) {
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  return ::fcntl(file, F_OFD_SETLK, &whole) == 0;
}

// Whoever gives a lock back removes its file: the one that was opened may be another by now.
bool is_still_at(int file, const std::string& path) {
  struct stat opened {};
  struct stat there {};
  return ::fstat(file, &opened) == 0 && ::lstat(path.c_str(), &there) == 0 && opened.st_dev == there.st_dev &&
         opened.st_ino == there.st_ino;
}

}  // namespace

FolderLock::FolderLock(const std::string& folder, const std::string& command)
    : path_((fs::path(folder) / kName).string()) {
  while (true) {
    // Not through a link, and without waiting for the other end of a pipe.
    file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    struct stat status {};
    if (file_ < 0 || ::fstat(file_, &status) != 0) fail(path_);
    if (!S_ISREG(status.st_mode)) {
      ::close(file_);
      throw ConfigError(fmt::format("{}: is not a file; remove it, or choose another --out", path_));
    }
    held_ = lock(file_);
    if (!held_) break;
    if (is_still_at(file_, path_)) break;
    ::close(file_);
  }
  if (held_) {
    // Who holds it is for people: a full disk does not matter here.
    const std::string holder = this_holder(command) + "\n";
    [[maybe_unused]] const bool told =
        ::ftruncate(file_, 0) == 0 && ::pwrite(file_, holder.data(), holder.size(), 0) >= 0;
    return;
  }
  const int reason = errno;
  const std::string holder = holder_in(file_);
  ::close(file_);
  if (reason == EAGAIN || reason == EACCES) {
    throw ConfigError(
        fmt::format("{}: is in use by {}; wait until that has finished, or choose another --out", folder, holder));
  }
  ::unlink(path_.c_str());  // no locks here
}

FolderLock::~FolderLock() {
  if (!held_) return;
  ::unlink(path_.c_str());
  ::close(file_);
}

ResultFolder::ResultFolder(std::string path, std::string command)
    : path_(std::move(path)), command_(std::move(command)) {
  if (path_.empty()) throw ConfigError("--out: is empty; name a folder");
  std::error_code error;
  if (fs::is_directory(path_, error)) lock_.emplace(path_, command_);
}

void ResultFolder::make() {
  if (lock_) return;
  make_out_folder(path_);
  lock_.emplace(path_, command_);
  for (const auto& entry : fs::directory_iterator(path_)) {
    if (entry.path().filename() == kName) continue;
    throw ConfigError(fmt::format("{}: another process has just written into it; begin again", path_));
  }
}

std::optional<std::string> ResultFolder::warning() const {
  if (!lock_ || lock_->holds()) return std::nullopt;
  return fmt::format("{}: this file system has no locks; see to it that nothing else writes there meanwhile", path_);
}

}  // namespace tapehead
