#include "autograd/base/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace tapehead {
namespace {

// What people can do about it; the system's own words say what it is.
const char* remedy(int code) {
  switch (code) {
    case ENOENT:
    case ENOTDIR:
      return "; check the name";
    case EACCES:
    case EPERM:
      return "; check the permissions of the file and of the folders above it";
    case ELOOP:
      return "; mend the links";
    case ENAMETOOLONG:
      return "; take a shorter name";
    case EIO:
      return "; look at the disk, or take a copy";
    default:
      return "";
  }
}

// Why what stands there is not read; empty for a regular file.
const char* other_kind(mode_t mode) {
  if (S_ISREG(mode)) return "";
  if (S_ISDIR(mode)) return "is a folder, not a file";
  if (S_ISFIFO(mode)) return "is a pipe, not a file; write what comes out of it to a file first";
  if (S_ISSOCK(mode)) return "is a socket, not a file";
  return "is a device, not a file";
}

void require_regular(const std::string& path, const struct stat& status) {
  if (const std::string why = other_kind(status.st_mode); !why.empty())
    throw FileError(fmt::format("{}: {}", path, why));
}

[[noreturn]] void fail(const std::string& path, const char* what) {
  const int reason = errno;  // before anything else can set it
  throw FileError(fmt::format("{}: {}", path, what), reason);
}

// Whoever gave us the descriptor may have set it not to wait (O_NONBLOCK): then waiting is done here.
std::size_t read_some(int file, std::span<char> into, const std::string& name) {
  while (true) {
    const ssize_t got = ::read(file, into.data(), into.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd waiting{.fd = file, .events = POLLIN, .revents = 0};
      ::poll(&waiting, 1, -1);
    } else if (errno != EINTR) {
      fail(name, "cannot be read");
    }
  }
}

}  // namespace

FileError::FileError(const std::string& what, int reason)
    : DataError(fmt::format("{} ({}){}", what, std::generic_category().message(reason), remedy(reason))),
      code(reason) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    close();
    number_ = other.release();
  }
  return *this;
}

int Descriptor::release() { return std::exchange(number_, -1); }

int Descriptor::close() { return number_ < 0 ? 0 : ::close(release()); }

InputFile::InputFile(const std::string& path) : path_(path) {
  // A null would end the name early, and another file would be opened.
  if (path.find('\0') != std::string::npos)
    throw FileError(fmt::format("{}…: the name of a file cannot hold a null byte", path.c_str()));
  // Looked at first: the mere opening of a device may do something. And again once it is open, lest it was exchanged.
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) fail(path, "cannot be opened");
  require_regular(path, status);
  file_ = Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file_.is_open() || ::fstat(file_.get(), &status) != 0) fail(path, "cannot be opened");
  require_regular(path, status);
  size_ = static_cast<std::uint64_t>(status.st_size);
}

std::size_t InputFile::read(std::span<char> into) { return read_some(file_.get(), into, path_); }

std::size_t InputFile::read_whole(std::span<std::byte> into) {
  std::size_t have = 0;
  while (have < into.size()) {
    const auto rest = into.subspan(have);
    const std::size_t got = read({reinterpret_cast<char*>(rest.data()), rest.size()});
    if (got == 0) break;
    have += got;
  }
  return have;
}

std::size_t StandardInput::read(std::span<char> into) { return read_some(STDIN_FILENO, into, name_); }

bool StandardInput::is_ready() const {
  pollfd waiting{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, 0) != 0;
}

std::size_t TextSource::read(std::span<char> into) {
  const std::size_t count = std::min(into.size(), text_.size());
  std::memcpy(into.data(), text_.data(), count);
  text_.remove_prefix(count);
  return count;
}

std::string read_file(const std::string& path, std::size_t limit) {
  InputFile file(path);
  std::string text;
  std::array<char, 65536> piece;
  while (const std::size_t got = file.read(piece)) {
    text.append(piece.data(), got);
    if (text.size() > limit || file.size() > limit)
      throw FileError(fmt::format("{}: is larger than {} bytes; is it the right file?", path, limit));
  }
  return text;
}

std::string text_if_any(const std::string& path) {
  try {
    return read_file(path);
  } catch (const FileError&) {
    return {};
  }
}

bool file_exists(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  fail(path, "cannot be looked at");
}

bool is_folder(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace tapehead
