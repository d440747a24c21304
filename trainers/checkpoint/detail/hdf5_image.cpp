#include "trainers/checkpoint/detail/hdf5_image.hpp"

#include <hdf5.h>

#include "trainers/checkpoint/detail/hdf5_id.hpp"

namespace tapehead {
namespace {

template <class T>
hid_t native_type() {
  return std::same_as<T, float> ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE;
}

}  // namespace

struct Hdf5Image::File {
  Hdf5Id id;
  Hdf5Id links = [] {  // groups on the way are made
    Hdf5Id list = hdf5_properties(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(list, 1);
    return list;
  }();
  Hdf5Id dataset_creation = untimed(H5P_DATASET_CREATE);
  Hdf5Id group_creation = untimed(H5P_GROUP_CREATE);

  static Hdf5Id untimed(hid_t kind) {
    Hdf5Id list = hdf5_properties(kind);
    H5Pset_obj_track_times(list, 0);
    return list;
  }

  Hdf5Id dataset(const std::string& path, hid_t type, hid_t space) const {
    return {H5Dcreate2(id, path.c_str(), type, space, links, dataset_creation, H5P_DEFAULT), H5Dclose, "cannot write",
            path};
  }
  void write_attribute(const std::string& path, const std::string& name, hid_t type, const void* value) const {
    const std::string full = path + (path.ends_with('/') ? "" : "/") + name;
    const Hdf5Id object(H5Oopen(id, path.c_str(), H5P_DEFAULT), H5Oclose, "there is no", path);
    const Hdf5Id space(H5Screate(H5S_SCALAR), H5Sclose, "cannot write", full);
    const Hdf5Id attribute(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
                           "cannot write attribute", full);
    require_hdf5(H5Awrite(attribute, type, value), "cannot write attribute", full);
  }
};

Hdf5Image::Hdf5Image() {
  const Hdf5Id access = hdf5_in_memory();
  const Hdf5Id creation = File::untimed(H5P_FILE_CREATE);
  H5Pset_userblock(creation, kUserBlock);
  file_ = std::make_unique<File>(File{Hdf5Id(H5Fcreate(unused_hdf5_name().c_str(), H5F_ACC_TRUNC, creation, access),
                                             H5Fclose, "cannot be made in memory:", "HDF5 file")});
}

Hdf5Image::~Hdf5Image() = default;

void Hdf5Image::make_group(const std::string& path) {
  const Hdf5Id group(H5Gcreate2(file_->id, path.c_str(), file_->links, file_->group_creation, H5P_DEFAULT), H5Gclose,
                     "cannot write", path);
}

template <RealScalar T>
void Hdf5Image::write(const std::string& path, std::span<const std::uint64_t> dims, const T* values) {
  const std::vector<hsize_t> size(dims.begin(), dims.end());
  const Hdf5Id space(H5Screate_simple(static_cast<int>(size.size()), size.data(), nullptr), H5Sclose, "cannot write",
                     path);
  const Hdf5Id dataset = file_->dataset(path, native_type<T>(), space);
  require_hdf5(H5Dwrite(dataset, native_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values), "cannot write", path);
}

void Hdf5Image::write_words(const std::string& path, std::span<const std::string> words) {
  const hsize_t count = words.size();
  const Hdf5Id space(H5Screate_simple(1, &count, nullptr), H5Sclose, "cannot write", path);
  const Hdf5Id type = hdf5_text();
  const Hdf5Id dataset = file_->dataset(path, type, space);
  std::vector<const char*> pointers;
  for (const std::string& word : words) pointers.push_back(word.c_str());
  if (words.empty()) return;
  require_hdf5(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()), "cannot write", path);
}

void Hdf5Image::set_attribute(const std::string& path, const std::string& name, const std::string& value) {
  const char* text = value.c_str();
  file_->write_attribute(path, name, hdf5_text(), &text);
}

void Hdf5Image::set_attribute(const std::string& path, const std::string& name, double value) {
  file_->write_attribute(path, name, H5T_NATIVE_DOUBLE, &value);
}

void Hdf5Image::set_attribute(const std::string& path, const std::string& name, std::uint64_t value) {
  file_->write_attribute(path, name, H5T_NATIVE_UINT64, &value);
}

std::vector<std::byte> Hdf5Image::bytes() const {
  require_hdf5(H5Fflush(file_->id, H5F_SCOPE_GLOBAL), "cannot be finished:", "HDF5 content");
  const ssize_t size = H5Fget_file_image(file_->id, nullptr, 0);
  if (size <= 0) fail_in_hdf5("cannot be finished:", "HDF5 content");
  std::vector<std::byte> image(static_cast<std::size_t>(size));
  if (H5Fget_file_image(file_->id, image.data(), image.size()) != size) {
    fail_in_hdf5("cannot be finished:", "HDF5 content");
  }
  return image;
}

template void Hdf5Image::write(const std::string&, std::span<const std::uint64_t>, const float*);
template void Hdf5Image::write(const std::string&, std::span<const std::uint64_t>, const double*);

}  // namespace tapehead
