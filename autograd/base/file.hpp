#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "autograd/base/errors.hpp"

namespace tapehead {

/// A file that the system does not open, read or write; the message names it, the system's reason, and what to do.
/// What is wrong with the content of a file that could be read is a plain DataError.
struct FileError : DataError {
  /// `what` was tried: "X: cannot be opened"; `reason` is the errno that came of it.
  FileError(const std::string& what, int reason);
  /// A file that is refused before anything is tried.
  explicit FileError(const std::string& what) : DataError(what) {}

  int code = 0;  ///< errno, or 0
};

/// Where bytes come from. Nothing but the end is taken for the end: every source throws FileError for bytes that are
/// there and cannot be read.
class ByteSource {
 public:
  ByteSource() = default;
  virtual ~ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  /// Takes up to into.size() bytes and returns how many; 0 only at the end.
  virtual std::size_t read(std::span<char> into) = 0;
  /// Whether read() would return at once. Only a terminal or a pipe may keep one waiting.
  virtual bool is_ready() const { return true; }
  /// What messages call it.
  virtual const std::string& name() const = 0;
};

/// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;

  int get() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  int release();
  /// 0, or -1 with errno set.
  int close();

 private:
  int number_;
};

/// A regular file, opened for reading: the one that the system would open for exactly this path. Throws FileError where
/// there is none, and for folders, pipes, sockets and devices, which are named as such and never opened: opening or
/// reading one may take for ever.
class InputFile : public ByteSource {
 public:
  explicit InputFile(const std::string& path);

  std::size_t read(std::span<char> into) override;
  /// Takes as many bytes as there are and fit, and returns how many.
  std::size_t read_whole(std::span<std::byte> into);
  const std::string& name() const override { return path_; }
  /// Bytes, when it was opened. Files of /proc say 0 and hold more.
  std::uint64_t size() const { return size_; }

 private:
  std::string path_;
  Descriptor file_;
  std::uint64_t size_ = 0;
};

/// Descriptor 0, whatever stands behind it.
class StandardInput : public ByteSource {
 public:
  std::size_t read(std::span<char> into) override;
  bool is_ready() const override;
  const std::string& name() const override { return name_; }

 private:
  std::string name_ = "standard input";
};

/// Text that is in memory already.
class TextSource : public ByteSource {
 public:
  explicit TextSource(std::string_view text, std::string name = "text") : text_(text), name_(std::move(name)) {}

  std::size_t read(std::span<char> into) override;
  const std::string& name() const override { return name_; }

 private:
  std::string_view text_;
  std::string name_;
};

/// No text that is read as a whole (configurations, tables, results) is larger.
inline constexpr std::size_t kLongestText = std::size_t{64} << 20U;

/// The whole file. Throws FileError as InputFile does, and for a file of more than `limit` bytes.
std::string read_file(const std::string& path, std::size_t limit = kLongestText);

/// The same of what the system says of itself (/proc, /sys); empty where it does not.
std::string text_if_any(const std::string& path);

/// Whether anything stands at the path; a link counts as what it leads to. Throws FileError where that cannot be known:
/// a folder on the way that may not be entered, links in a circle, too long a name.
bool file_exists(const std::string& path);

/// Whether the path leads to a folder; no where it cannot be known, since opening it will say why.
bool is_folder(const std::string& path);

}  // namespace tapehead
