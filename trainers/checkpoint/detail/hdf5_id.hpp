#pragma once

// What the sources that call HDF5 have in common.

#include <hdf5.h>

#include <string>
#include <utility>

namespace tapehead {

/// Throws CheckpointError: "checkpoint: WHAT PATH".
[[noreturn]] void fail_in_hdf5(const char* what, const std::string& path);

/// The same if an HDF5 call failed.
inline void require_hdf5(herr_t status, const char* what, const std::string& path) {
  if (status < 0) fail_in_hdf5(what, path);
}

/// An HDF5 identifier that closes itself; making one of a failed call throws.
class Hdf5Id {
 public:
  using Close = herr_t (*)(hid_t);
  Hdf5Id(hid_t id, Close close, const char* what, const std::string& path) : id_(id), close_(close) {
    if (id < 0) fail_in_hdf5(what, path);
  }
  Hdf5Id(Hdf5Id&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Hdf5Id& operator=(Hdf5Id&&) = delete;
  ~Hdf5Id() {
    if (id_ >= 0) close_(id_);
  }
  operator hid_t() const { return id_; }

 private:
  hid_t id_;
  Close close_;
};

/// Properties of some kind, such as H5P_FILE_ACCESS.
Hdf5Id hdf5_properties(hid_t kind);

/// Access to a file that is on no disk; HDF5 prints no errors of its own from here on.
Hdf5Id hdf5_in_memory();

/// A name for a file in memory. HDF5 takes two of the same name for one file, and would hand out the first for the
/// second; nor does it open an image under the name of a file on disk: below a file there is none.
std::string unused_hdf5_name();

/// Text of any length, UTF-8.
Hdf5Id hdf5_text();

}  // namespace tapehead
