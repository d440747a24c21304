#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace tapehead {

/// A file that is whole or is not read: its first bytes (HDF5's user block, Hdf5Image::kUserBlock) name the format and
/// the XXH3-128 digest of all that follows.
///
/// write_sealed replaces the file at once: a new file is written beside it, flushed to disk and renamed, so that
/// whatever happens, the old one or the new one stands there. Throws CheckpointError saying what failed and what to do.
void write_sealed(const std::string& path, std::span<const std::byte> content);

/// The content, checked against its digest. Throws CheckpointError for a file that is missing, of another kind, or
/// damaged.
std::vector<std::byte> read_sealed(const std::string& path);

}  // namespace tapehead
