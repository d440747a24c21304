#pragma once

#include <optional>
#include <string>

namespace tapehead {

/// The right to write into a folder: one process has it at a time. The system takes it back when the process ends,
/// however that comes about. It is a lock of the open file (fcntl F_OFD_SETLK) on FOLDER/.lock, which also says who
/// holds it, and which is gone once the lock is given back. Network file systems that lock at all know such locks.
class FolderLock {
 public:
  /// Throws ConfigError, with who holds it (command, process, host, since when), if another has it, or if the folder
  /// cannot be written.
  FolderLock(const std::string& folder, const std::string& command);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  /// Whether there is a lock: some file systems know none, and then nobody is kept out.
  bool holds() const { return held_; }

 private:
  std::string path_;
  int file_ = -1;
  bool held_ = false;
};

/// A folder that results go to. One that exists is locked at once, before anybody looks at what it holds; one that does
/// not is made when it is clear that there will be results.
class ResultFolder {
 public:
  /// Throws what FolderLock throws.
  ResultFolder(std::string path, std::string command);

  /// Makes the folder if need be, and locks it. Throws ConfigError, also if it was filled meanwhile.
  void make();

  const std::string& path() const { return path_; }

  /// A warning, if the file system of the folder has no locks. REQUIRES: make() was called.
  std::optional<std::string> warning() const;

 private:
  std::string path_, command_;
  std::optional<FolderLock> lock_;
};

}  // namespace tapehead
