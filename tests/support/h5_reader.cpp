#include "tests/support/h5_reader.hpp"

#include <hdf5.h>

#include "autograd/base/errors.hpp"

namespace tapehead::testing_support {
namespace {

// An HDF5 identifier with the function that gives it back.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  operator hid_t() const { return id_; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

}  // namespace

H5Reader::H5Reader(const std::string& path) : path_(path) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // failures become exceptions, not a stack on the terminal
  file_ = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (file_ < 0) throw DataError(path + ": cannot be opened as HDF5; set TAPEHEAD_DATA to the shared data folder");
}

H5Reader::~H5Reader() {
  if (file_ >= 0) H5Fclose(file_);
}

void H5Reader::refuse(const std::string& name, const char* why) const {
  throw DataError(path_ + ": " + name + ": " + why);
}

bool H5Reader::contains(const std::string& name) const {
  for (std::size_t end = name.find('/'); end != std::string::npos; end = name.find('/', end + 1)) {
    if (H5Lexists(file_, name.substr(0, end).c_str(), H5P_DEFAULT) <= 0) return false;
  }
  return H5Lexists(file_, name.c_str(), H5P_DEFAULT) > 0;
}

std::vector<std::int64_t> H5Reader::shape(const std::string& dataset) const {
  const Handle data(H5Dopen2(file_, dataset.c_str(), H5P_DEFAULT), H5Dclose);
  if (data < 0) refuse(dataset, "no such dataset");
  const Handle space(H5Dget_space(data), H5Sclose);
  std::vector<hsize_t> sizes(static_cast<std::size_t>(H5Sget_simple_extent_ndims(space)));
  H5Sget_simple_extent_dims(space, sizes.data(), nullptr);
  return {sizes.begin(), sizes.end()};
}

template <class T>
std::vector<T> H5Reader::read(const std::string& dataset, std::int64_t type_class, std::size_t size,
                              std::int64_t memory) const {
  const Handle data(H5Dopen2(file_, dataset.c_str(), H5P_DEFAULT), H5Dclose);
  if (data < 0) refuse(dataset, "no such dataset");
  const Handle type(H5Dget_type(data), H5Tclose);
  if (H5Tget_class(type) != type_class || H5Tget_size(type) != size) refuse(dataset, "numbers of another type");
  const Handle space(H5Dget_space(data), H5Sclose);
  std::vector<T> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
  if (H5Dread(data, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) refuse(dataset, "cannot be read");
  return values;
}

std::vector<double> H5Reader::doubles(const std::string& dataset) const {
  return read<double>(dataset, H5T_FLOAT, 8, H5T_NATIVE_DOUBLE);
}

std::vector<std::int64_t> H5Reader::integers(const std::string& dataset) const {
  return read<std::int64_t>(dataset, H5T_INTEGER, 8, H5T_NATIVE_INT64);
}

std::vector<std::uint8_t> H5Reader::bytes(const std::string& dataset) const {
  return read<std::uint8_t>(dataset, H5T_INTEGER, 1, H5T_NATIVE_UINT8);
}

double H5Reader::number(const std::string& object, const std::string& name, double fallback) const {
  if (H5Aexists_by_name(file_, object.c_str(), name.c_str(), H5P_DEFAULT) <= 0) return fallback;
  const Handle attribute(H5Aopen_by_name(file_, object.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  double value = 0;
  if (attribute < 0 || H5Aread(attribute, H5T_NATIVE_DOUBLE, &value) < 0) refuse(object + "@" + name, "is no number");
  return value;
}

std::string H5Reader::attribute(const std::string& object, const std::string& name) const {
  const Handle attribute(H5Aopen_by_name(file_, object.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  if (attribute < 0) refuse(object + "@" + name, "no such attribute");
  const Handle type(H5Aget_type(attribute), H5Tclose);
  if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) > 0) refuse(object + "@" + name, "no fixed string");
  std::string text(H5Tget_size(type), '\0');
  if (H5Aread(attribute, type, text.data()) < 0) refuse(object + "@" + name, "cannot be read");
  return text.substr(0, text.find('\0'));
}

std::vector<std::string> H5Reader::children(const std::string& group) const {
  const Handle opened(H5Gopen2(file_, group.c_str(), H5P_DEFAULT), H5Gclose);
  if (opened < 0) refuse(group, "no such group");
  std::vector<std::string> names;
  const auto collect = [](hid_t, const char* name, const H5L_info_t*, void* list) -> herr_t {
    static_cast<std::vector<std::string>*>(list)->emplace_back(name);
    return 0;
  };
  H5Literate(opened, H5_INDEX_NAME, H5_ITER_INC, nullptr, collect, &names);
  return names;
}

}  // namespace tapehead::testing_support
