#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tapehead {

/// Numbers in row-major order, as NumPy, PyTorch and h5py have them.
struct Tensor {
  std::vector<std::int64_t> shape;
  std::vector<double> values;

  std::int64_t size() const { return static_cast<std::int64_t>(values.size()); }
};

/// "(2, 4, 5, 3)", or "()" of a single number.
std::string shape_text(const Tensor& tensor);

/// Arrays by name, "q" or "upstream/context".
using Tensors = std::map<std::string, Tensor>;

/// Every array of an HDF5 file that others wrote: float or double of this machine, bytes or truth values, each in one
/// piece (no chunks, no compression), with at most four axes. Attributes are passed over. The file may be a hostile
/// one: see read_catalogue(). Throws DataError, naming file and array, for what it does not take.
Tensors read_tensors(const std::string& path);

/// Writes arrays of double, whole or not at all; see write_file(). Equal arrays give equal bytes.
void write_tensors(const std::string& path, const Tensors& tensors);

}  // namespace tapehead
