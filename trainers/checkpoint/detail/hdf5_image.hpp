#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "autograd/scalar.hpp"

namespace tapehead {

/// An HDF5 file that is written in memory, with the few things that a checkpoint needs of it; read_catalogue() reads
/// it. Paths are like `/parameters/output/weight`; groups on the way are made as needed. Equal content gives equal
/// bytes: no times are kept. Images are independent of each other, but HDF5 is not thread-safe: use them from one
/// thread. Throws CheckpointError naming the path.
class Hdf5Image {
 public:
  /// What stands before bytes() in a file, and is not HDF5's: its user block.
  static constexpr std::size_t kUserBlock = 512;

  Hdf5Image();
  ~Hdf5Image();
  Hdf5Image(const Hdf5Image&) = delete;
  Hdf5Image& operator=(const Hdf5Image&) = delete;

  void make_group(const std::string& path);

  template <RealScalar T>
  void write(const std::string& path, std::span<const std::uint64_t> dims, const T* values);
  void write_words(const std::string& path, std::span<const std::string> words);

  void set_attribute(const std::string& path, const std::string& name, const std::string& value);
  void set_attribute(const std::string& path, const std::string& name, double value);
  void set_attribute(const std::string& path, const std::string& name, std::uint64_t value);

  /// The file without its user block.
  std::vector<std::byte> bytes() const;

 private:
  struct File;
  std::unique_ptr<File> file_;
};

}  // namespace tapehead
