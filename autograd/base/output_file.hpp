#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "autograd/base/file.hpp"

namespace tapehead {

/// A file that is replaced whole: what is written goes to a new file beside it (its name and ".new"), which takes its
/// place on commit(). Until then, whatever happens, the old one stands there.
///
/// The new file is always one of our own making: what may stand under its name, a leftover, a pipe, or a link to
/// somewhere else, is removed and never opened. It gets the permissions of the file that it replaces.
///
/// Throws FileError for a device or a pipe, which stays what it is; and, naming the file and the system's reason, where
/// writing fails; the file beside is removed then.
class OutputFile {
 public:
  explicit OutputFile(std::string path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// Hands the bytes to the system. Before commit() to the new file, afterwards to the end of the one in place.
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

  /// Returns when all that was written is on the disk itself, where a power cut leaves it. Throws FileError, too, where
  /// the file in place is no longer this one: what is written would be lost.
  void flush_to_disk();

  /// Flushes, and puts the file in its place; the change of name is on the disk too on return.
  void commit();

  const std::string& path() const { return path_; }

 private:
  [[noreturn]] void fail(int reason);
  bool is_ours(const std::string& name) const;

  std::string path_, fresh_;
  Descriptor file_;
  bool committed_ = false;
};

/// The whole content of a file, old or new, and nothing between; see OutputFile.
void write_file(const std::string& path, std::string_view text);

/// Makes a folder, with those above it. Throws FileError.
void make_folder(const std::string& path);

/// Takes a file away if it is there. Throws FileError.
void remove_file(const std::string& path);

}  // namespace tapehead
