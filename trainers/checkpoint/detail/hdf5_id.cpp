#include "trainers/checkpoint/detail/hdf5_id.hpp"

#include <fmt/format.h>

#include <cstdint>

#include "autograd/base/errors.hpp"

namespace tapehead {

void fail_in_hdf5(const char* what, const std::string& path) {
  throw CheckpointError(fmt::format("checkpoint: {} {}", what, path));
}

Hdf5Id hdf5_properties(hid_t kind) { return {H5Pcreate(kind), H5Pclose, "HDF5 has no properties for", "a file"}; }

Hdf5Id hdf5_in_memory() {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // errors are ours to tell
  Hdf5Id access = hdf5_properties(H5P_FILE_ACCESS);
  constexpr std::size_t kGrowth = std::size_t{1} << 20;
  require_hdf5(H5Pset_fapl_core(access, kGrowth, false), "HDF5 has no files in", "memory");
  return access;
}

std::string unused_hdf5_name() {
  static std::uint64_t count = 0;
  return fmt::format("/dev/null/memory {}", count++);
}

Hdf5Id hdf5_text() {
  Hdf5Id type(H5Tcopy(H5T_C_S1), H5Tclose, "HDF5 has no type for", "text");
  require_hdf5(H5Tset_size(type, H5T_VARIABLE), "HDF5 has no type for", "text");
  require_hdf5(H5Tset_cset(type, H5T_CSET_UTF8), "HDF5 has no type for", "text");
  return type;
}

}  // namespace tapehead
