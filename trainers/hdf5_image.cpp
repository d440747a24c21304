#include "trainers/hdf5_image.hpp"

#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>
#include <utility>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

[[noreturn]] void fail(const char* what, const std::string& path) {
  throw CheckpointError(fmt::format("checkpoint: {} {}", what, path));
}

// An HDF5 identifier that closes itself; making one of a failed call throws.
class Id {
 public:
  using Close = herr_t (*)(hid_t);
  Id(hid_t id, Close close, const char* what, const std::string& path) : id_(id), close_(close) {
    if (id < 0) fail(what, path);
  }
  Id(Id&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Id& operator=(Id&&) = delete;
  ~Id() {
    if (id_ >= 0) close_(id_);
  }
  operator hid_t() const { return id_; }

 private:
  hid_t id_;
  Close close_;
};

void require(herr_t status, const char* what, const std::string& path) {
  if (status < 0) fail(what, path);
}

template <class T>
hid_t native_type() {
  return std::same_as<T, float> ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE;
}

Id property(hid_t kind) { return {H5Pcreate(kind), H5Pclose, "HDF5 has no properties for", "a file"}; }

// Access to a file that is on no disk.
Id in_memory() {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // errors are ours to tell
  Id access = property(H5P_FILE_ACCESS);
  constexpr std::size_t kGrowth = std::size_t{1} << 20;
  require(H5Pset_fapl_core(access, kGrowth, false), "HDF5 has no files in", "memory");
  return access;
}

// HDF5 takes two files in memory of the same name for one file, and would hand out the first for the second; nor does
// it open an image under the name of a file on disk: below a file there is none.
std::string unused_name() {
  static std::uint64_t count = 0;
  return fmt::format("/dev/null/memory {}", count++);
}

// Text of any length, UTF-8.
Id text_type() {
  Id type(H5Tcopy(H5T_C_S1), H5Tclose, "HDF5 has no type for", "text");
  require(H5Tset_size(type, H5T_VARIABLE), "HDF5 has no type for", "text");
  require(H5Tset_cset(type, H5T_CSET_UTF8), "HDF5 has no type for", "text");
  return type;
}

}  // namespace

namespace {

std::string attribute_path(const std::string& path, const std::string& name) {
  return path + (path.ends_with('/') ? "" : "/") + name;
}

}  // namespace

struct Hdf5Image::File {
  Id id;
  Id links = [] {  // groups on the way are made
    Id list = property(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(list, 1);
    return list;
  }();
  Id dataset_creation = untimed(H5P_DATASET_CREATE);
  Id group_creation = untimed(H5P_GROUP_CREATE);

  static Id untimed(hid_t kind) {
    Id list = property(kind);
    H5Pset_obj_track_times(list, 0);
    return list;
  }

  Id dataset(const std::string& path, hid_t type, hid_t space) const {
    return {H5Dcreate2(id, path.c_str(), type, space, links, dataset_creation, H5P_DEFAULT), H5Dclose, "cannot write",
            path};
  }
  Id open_dataset(const std::string& path) const {
    return {H5Dopen2(id, path.c_str(), H5P_DEFAULT), H5Dclose, "there is no", path};
  }
  Id open_object(const std::string& path) const {
    return {H5Oopen(id, path.c_str(), H5P_DEFAULT), H5Oclose, "there is no", path};
  }
  void write_attribute(const std::string& path, const std::string& name, hid_t type, const void* value) const {
    const std::string full = attribute_path(path, name);
    const Id object = open_object(path);
    const Id space(H5Screate(H5S_SCALAR), H5Sclose, "cannot write", full);
    const Id attribute(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
                       "cannot write attribute", full);
    require(H5Awrite(attribute, type, value), "cannot write attribute", full);
  }
  void read_attribute(const std::string& path, const std::string& name, H5T_class_t kind, hid_t type,
                      void* value) const {
    const std::string full = attribute_path(path, name);
    const Id object = open_object(path);
    const Id attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose, "there is no attribute", full);
    const Id stored(H5Aget_type(attribute), H5Tclose, "cannot read attribute", full);
    const Id space(H5Aget_space(attribute), H5Sclose, "cannot read attribute", full);
    if (H5Tget_class(stored) != kind || H5Sget_simple_extent_npoints(space) != 1 ||
        (kind == H5T_STRING && H5Tis_variable_str(stored) <= 0)) {
      fail("not of its type: attribute", full);
    }
    require(H5Aread(attribute, type, value), "cannot read attribute", full);
  }
};

Hdf5Image::Hdf5Image() {
  const Id access = in_memory();
  const Id creation = File::untimed(H5P_FILE_CREATE);
  H5Pset_userblock(creation, kUserBlock);
  file_ = std::make_unique<File>(File{Id(H5Fcreate(unused_name().c_str(), H5F_ACC_TRUNC, creation, access), H5Fclose,
                                         "cannot be made in memory:", "HDF5 file")});
}

Hdf5Image::Hdf5Image(std::span<const std::byte> bytes) {
  const Id access = in_memory();
  // HDF5 only reads what it copies here.
  require(H5Pset_file_image(access, const_cast<std::byte*>(bytes.data()), bytes.size()),
          "cannot be read:", "HDF5 content");
  file_ = std::make_unique<File>(
      File{Id(H5Fopen(unused_name().c_str(), H5F_ACC_RDONLY, access), H5Fclose, "cannot be read:", "HDF5 content")});
}

Hdf5Image::~Hdf5Image() = default;

void Hdf5Image::make_group(const std::string& path) {
  const Id group(H5Gcreate2(file_->id, path.c_str(), file_->links, file_->group_creation, H5P_DEFAULT), H5Gclose,
                 "cannot write", path);
}

template <RealScalar T>
void Hdf5Image::write(const std::string& path, std::span<const std::uint64_t> dims, const T* values) {
  const std::vector<hsize_t> size(dims.begin(), dims.end());
  const Id space(H5Screate_simple(static_cast<int>(size.size()), size.data(), nullptr), H5Sclose, "cannot write", path);
  const Id dataset = file_->dataset(path, native_type<T>(), space);
  require(H5Dwrite(dataset, native_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values), "cannot write", path);
}

template <RealScalar T>
void Hdf5Image::read(const std::string& path, std::span<const std::uint64_t> dims, T* values) const {
  require_dims(path, dims);
  const Id dataset = file_->open_dataset(path);
  const Id type(H5Dget_type(dataset), H5Tclose, "cannot read", path);
  if (H5Tequal(type, native_type<T>()) <= 0) fail("of another precision:", path);
  require(H5Dread(dataset, native_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values), "cannot read", path);
}

void Hdf5Image::require_dims(const std::string& path, std::span<const std::uint64_t> dims) const {
  const Id dataset = file_->open_dataset(path);
  const Id space(H5Dget_space(dataset), H5Sclose, "cannot read", path);
  std::vector<hsize_t> size(static_cast<std::size_t>(std::max(0, H5Sget_simple_extent_ndims(space))));
  H5Sget_simple_extent_dims(space, size.data(), nullptr);
  if (std::equal(size.begin(), size.end(), dims.begin(), dims.end())) return;
  throw CheckpointError(
      fmt::format("checkpoint: of another model: the shape differs of {}: ({}) is stored, ({}) is "
                  "needed",
                  path, fmt::join(size, ", "), fmt::join(dims, ", ")));
}

void Hdf5Image::write_words(const std::string& path, std::span<const std::string> words) {
  const hsize_t count = words.size();
  const Id space(H5Screate_simple(1, &count, nullptr), H5Sclose, "cannot write", path);
  const Id type = text_type();
  const Id dataset = file_->dataset(path, type, space);
  std::vector<const char*> pointers;
  for (const std::string& word : words) pointers.push_back(word.c_str());
  if (words.empty()) return;
  require(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()), "cannot write", path);
}

std::vector<std::string> Hdf5Image::read_words(const std::string& path) const {
  const Id dataset = file_->open_dataset(path);
  const Id space(H5Dget_space(dataset), H5Sclose, "cannot read", path);
  const Id stored(H5Dget_type(dataset), H5Tclose, "cannot read", path);
  if (H5Tis_variable_str(stored) <= 0) fail("not of its type:", path);
  const hssize_t count = H5Sget_simple_extent_npoints(space);
  std::vector<char*> pointers(static_cast<std::size_t>(std::max<hssize_t>(count, 0)), nullptr);
  if (pointers.empty()) return {};
  const Id type = text_type();
  require(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()), "cannot read", path);
  std::vector<std::string> words;
  for (const char* pointer : pointers) words.emplace_back(pointer == nullptr ? "" : pointer);
  H5Dvlen_reclaim(type, space, H5P_DEFAULT, pointers.data());
  return words;
}

void Hdf5Image::set_attribute(const std::string& path, const std::string& name, const std::string& value) {
  const char* text = value.c_str();
  file_->write_attribute(path, name, text_type(), &text);
}

void Hdf5Image::set_attribute(const std::string& path, const std::string& name, double value) {
  file_->write_attribute(path, name, H5T_NATIVE_DOUBLE, &value);
}

void Hdf5Image::set_attribute(const std::string& path, const std::string& name, std::uint64_t value) {
  file_->write_attribute(path, name, H5T_NATIVE_UINT64, &value);
}

std::string Hdf5Image::text_attribute(const std::string& path, const std::string& name) const {
  char* text = nullptr;
  file_->read_attribute(path, name, H5T_STRING, text_type(), &text);
  std::string value = text == nullptr ? "" : text;
  H5free_memory(text);
  return value;
}

double Hdf5Image::number_attribute(const std::string& path, const std::string& name) const {
  double value = 0;
  file_->read_attribute(path, name, H5T_FLOAT, H5T_NATIVE_DOUBLE, &value);
  return value;
}

std::uint64_t Hdf5Image::whole_attribute(const std::string& path, const std::string& name) const {
  std::uint64_t value = 0;
  file_->read_attribute(path, name, H5T_INTEGER, H5T_NATIVE_UINT64, &value);
  return value;
}

bool Hdf5Image::has_attribute(const std::string& path, const std::string& name) const {
  const Id object = file_->open_object(path);
  return H5Aexists(object, name.c_str()) > 0;
}

std::vector<std::string> Hdf5Image::attribute_names(const std::string& path) const {
  std::vector<std::string> found;
  const Id object = file_->open_object(path);
  const auto visit = [](hid_t, const char* name, const H5A_info_t*, void* list) -> herr_t {
    static_cast<std::vector<std::string>*>(list)->emplace_back(name);
    return 0;
  };
  require(H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, nullptr, visit, &found), "cannot list", path);
  return found;
}

std::vector<std::string> Hdf5Image::datasets(const std::string& group) const {
  std::vector<std::string> found;
  const Id root = file_->open_object(group);
  const auto visit = [](hid_t, const char* name, const H5O_info_t* info, void* list) -> herr_t {
    if (info->type == H5O_TYPE_DATASET) static_cast<std::vector<std::string>*>(list)->emplace_back(name);
    return 0;
  };
  require(H5Ovisit(root, H5_INDEX_NAME, H5_ITER_INC, visit, &found), "cannot list", group);
  for (std::string& name : found) name = group + "/" + name;
  return found;
}

bool Hdf5Image::exists(const std::string& path) const {
  // Every part of a path must exist before the next may be asked for.
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    if (H5Lexists(file_->id, path.substr(0, slash).c_str(), H5P_DEFAULT) <= 0) return false;
    if (slash == std::string::npos) return true;
  }
}

std::vector<std::byte> Hdf5Image::bytes() const {
  require(H5Fflush(file_->id, H5F_SCOPE_GLOBAL), "cannot be finished:", "HDF5 content");
  const ssize_t size = H5Fget_file_image(file_->id, nullptr, 0);
  if (size <= 0) fail("cannot be finished:", "HDF5 content");
  std::vector<std::byte> image(static_cast<std::size_t>(size));
  if (H5Fget_file_image(file_->id, image.data(), image.size()) != size) fail("cannot be finished:", "HDF5 content");
  return image;
}

template void Hdf5Image::write(const std::string&, std::span<const std::uint64_t>, const float*);
template void Hdf5Image::write(const std::string&, std::span<const std::uint64_t>, const double*);
template void Hdf5Image::read(const std::string&, std::span<const std::uint64_t>, float*) const;
template void Hdf5Image::read(const std::string&, std::span<const std::uint64_t>, double*) const;

}  // namespace tapehead
