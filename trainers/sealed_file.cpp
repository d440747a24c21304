#include "trainers/sealed_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "autograd/base/errors.hpp"
#include "trainers/hdf5_image.hpp"

namespace tapehead {
namespace {

constexpr std::size_t kSealSize = Hdf5Image::kUserBlock;
constexpr std::string_view kMagic = "tapehead checkpoint\n";
using Seal = std::array<std::byte, kSealSize>;

Seal seal_of(std::span<const std::byte> content) {
  const XXH128_hash_t digest = XXH3_128bits(content.data(), content.size());
  const std::string text = fmt::format("{}xxh3-128 {:016x}{:016x}\n", kMagic, digest.high64, digest.low64);
  Seal seal{};
  std::memcpy(seal.data(), text.data(), text.size());
  return seal;
}

// A file descriptor that closes itself.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return descriptor_; }
  int close() {
    const int descriptor = descriptor_;
    descriptor_ = -1;
    return ::close(descriptor);
  }

 private:
  int descriptor_;
};

bool write_all(int file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

[[noreturn]] void fail_to_write(const std::string& path, const std::string& temporary) {
  const std::string why = std::strerror(errno);
  ::unlink(temporary.c_str());
  throw CheckpointError(fmt::format(
      "checkpoint: {} cannot be written ({}); what was saved before is untouched: make room or mend the folder, then resume",
      path, why));
}

}  // namespace

void write_sealed(const std::string& path, std::span<const std::byte> content) {
  const Seal seal = seal_of(content);
  const std::string temporary = path + ".new";
  File file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.get() < 0 || !write_all(file.get(), seal) || !write_all(file.get(), content) || ::fsync(file.get()) != 0 ||
      file.close() != 0 || ::rename(temporary.c_str(), path.c_str()) != 0) {
    fail_to_write(path, temporary);
  }
  // The rename itself is on disk once the folder is; some file systems cannot be asked for that (EINVAL).
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const File directory(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || (::fsync(directory.get()) != 0 && errno != EINVAL)) {
    throw CheckpointError(fmt::format(
        "checkpoint: {} is written, but its folder cannot be flushed to disk ({}): a power cut may undo it; look at the disk",
        path, std::strerror(errno)));
  }
}

std::vector<std::byte> read_sealed(const std::string& path) {
  // Without O_NONBLOCK a named pipe would be waited for, until somebody writes to it.
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) {
    throw CheckpointError(fmt::format("checkpoint: {} cannot be opened ({})", path, std::strerror(errno)));
  }
  if (!S_ISREG(status.st_mode)) throw CheckpointError(fmt::format("checkpoint: {} is not a file", path));
  std::vector<std::byte> bytes(static_cast<std::size_t>(status.st_size));
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + have, bytes.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw CheckpointError(fmt::format("checkpoint: {} cannot be read ({})", path, std::strerror(errno)));
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  bytes.resize(have);
  if (bytes.size() < kSealSize || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    throw CheckpointError(fmt::format("checkpoint: {} is not a tapehead checkpoint", path));
  }
  const auto content = std::span(bytes).subspan(kSealSize);
  const Seal expected = seal_of(content);
  if (!std::equal(expected.begin(), expected.end(), bytes.begin())) {
    throw CheckpointError(fmt::format("checkpoint: {} is damaged: its content does not match its digest; take a copy", path));
  }
  bytes.erase(bytes.begin(), bytes.begin() + kSealSize);
  return bytes;
}

}  // namespace tapehead
