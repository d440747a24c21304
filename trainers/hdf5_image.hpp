#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "autograd/scalar.hpp"

namespace tapehead {

/// An HDF5 file in memory, with the few things that a checkpoint needs of it. Paths are like `/parameters/output/weight`;
/// groups on the way are made as needed. Equal content gives equal bytes: no times are kept. Images are independent of each
/// other, but HDF5 is not thread-safe: use them from one thread. Throws CheckpointError naming the path, for what is missing or of another type or size.
class Hdf5Image {
 public:
  /// What stands before bytes() in a file, and is not HDF5's: its user block.
  static constexpr std::size_t kUserBlock = 512;

  /// Empty, for writing.
  Hdf5Image();
  /// Of bytes that bytes() gave, for reading; HDF5 takes a copy.
  explicit Hdf5Image(std::span<const std::byte> bytes);
  ~Hdf5Image();
  Hdf5Image(const Hdf5Image&) = delete;
  Hdf5Image& operator=(const Hdf5Image&) = delete;

  void make_group(const std::string& path);

  template <RealScalar T>
  void write(const std::string& path, std::span<const std::uint64_t> dims, const T* values);
  template <RealScalar T>
  void read(const std::string& path, std::span<const std::uint64_t> dims, T* values) const;

  /// Throws CheckpointError unless the dataset has these dimensions.
  void require_dims(const std::string& path, std::span<const std::uint64_t> dims) const;

  void write_words(const std::string& path, std::span<const std::string> words);
  std::vector<std::string> read_words(const std::string& path) const;

  void set_attribute(const std::string& path, const std::string& name, const std::string& value);
  void set_attribute(const std::string& path, const std::string& name, double value);
  void set_attribute(const std::string& path, const std::string& name, std::uint64_t value);
  std::string text_attribute(const std::string& path, const std::string& name) const;
  double number_attribute(const std::string& path, const std::string& name) const;
  std::uint64_t whole_attribute(const std::string& path, const std::string& name) const;
  bool has_attribute(const std::string& path, const std::string& name) const;
  std::vector<std::string> attribute_names(const std::string& path) const;

  /// Paths of all datasets below a group.
  std::vector<std::string> datasets(const std::string& group) const;
  bool exists(const std::string& path) const;

  /// The file without its user block.
  std::vector<std::byte> bytes() const;

 private:
  struct File;
  std::unique_ptr<File> file_;
};

}  // namespace tapehead
