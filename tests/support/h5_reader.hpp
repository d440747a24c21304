#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tapehead::testing_support {

/// Reads an HDF5 file whole dataset by whole dataset. Names are paths: "mha_self/inputs/x". Everything throws DataError
/// naming the file and the object when it cannot be read, or when a number type does not match.
class H5Reader {
 public:
  explicit H5Reader(const std::string& path);
  ~H5Reader();
  H5Reader(const H5Reader&) = delete;
  H5Reader& operator=(const H5Reader&) = delete;

  bool contains(const std::string& name) const;
  /// Row-major, a scalar has none.
  std::vector<std::int64_t> shape(const std::string& dataset) const;
  std::vector<double> doubles(const std::string& dataset) const;
  std::vector<std::int64_t> integers(const std::string& dataset) const;
  std::vector<std::uint8_t> bytes(const std::string& dataset) const;
  /// A string attribute of fixed length.
  std::string attribute(const std::string& object, const std::string& name) const;
  /// A number that an attribute holds, or `fallback` where there is none.
  double number(const std::string& object, const std::string& name, double fallback) const;
  /// Names of what a group holds, in alphabetical order.
  std::vector<std::string> children(const std::string& group) const;

 private:
  template <class T>
  std::vector<T> read(const std::string& dataset, std::int64_t type_class, std::size_t size, std::int64_t memory) const;
  [[noreturn]] void refuse(const std::string& name, const char* why) const;

  std::string path_;
  std::int64_t file_ = -1;
};

}  // namespace tapehead::testing_support
