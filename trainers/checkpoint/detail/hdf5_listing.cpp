#include <fmt/format.h>

#include <bit>
#include <cstdlib>
#include <cstring>

#include "autograd/base/errors.hpp"
#include "trainers/checkpoint/detail/hdf5_id.hpp"
#include "trainers/checkpoint/hdf5_catalogue.hpp"

namespace tapehead {
namespace {

constexpr int kDeepest = 32;
constexpr std::size_t kLongestName = 255;
constexpr std::size_t kLongestText = std::size_t{16} << 20U;
constexpr std::size_t kMostAttributes = 10000;
constexpr int kMostDims = 4;
constexpr std::size_t kSmallestObject = 32;  // bytes that an object takes in a file at least

// HDF5 reads the image where it lies: it would copy it twice otherwise. It is only read, and stays.
H5FD_file_image_callbacks_t in_place() {
  H5FD_file_image_callbacks_t callbacks{};
  callbacks.image_malloc = [](std::size_t, H5FD_file_image_op_t, void* image) { return image; };
  callbacks.image_memcpy = [](void* to, const void*, std::size_t, H5FD_file_image_op_t, void*) { return to; };
  callbacks.image_realloc = [](void*, std::size_t, H5FD_file_image_op_t, void*) -> void* { return nullptr; };
  callbacks.image_free = [](void*, H5FD_file_image_op_t, void*) -> herr_t { return 0; };
  callbacks.udata_copy = [](void* image) { return image; };
  callbacks.udata_free = [](void*) -> herr_t { return 0; };
  return callbacks;
}

Hdf5Id open_image(std::span<const std::byte> image) {
  const Hdf5Id access = hdf5_in_memory();
  auto* bytes = const_cast<std::byte*>(image.data());
  H5FD_file_image_callbacks_t callbacks = in_place();
  callbacks.udata = bytes;
  require_hdf5(H5Pset_file_image_callbacks(access, &callbacks), "cannot be read:", "HDF5 content");
  require_hdf5(H5Pset_file_image(access, bytes, image.size()), "cannot be read:", "HDF5 content");
  return {H5Fopen(unused_hdf5_name().c_str(), H5F_ACC_RDONLY, access), H5Fclose, "cannot be read:", "HDF5 content"};
}

struct Link {
  std::string name;
  H5L_type_t type;
  haddr_t address;  // of the object, if the link is a hard one
};

class Walk {
 public:
  Walk(std::size_t image_size, Hdf5Content content) : image_size_(image_size), content_(content) {}

  std::string take() && {
    out_ += listing::kEnd;
    return std::move(out_);
  }

  void group(hid_t id, const std::string& path, int depth) {
    if (depth > kDeepest) fail_in_hdf5("groups lie too deep at", path);
    begin(listing::kGroup, path);
    if (content_ == Hdf5Content::checkpoint) attributes(id, path);
    for (const Link& link : links_of(id, path)) {
      const std::string below = (path == "/" ? "" : path) + "/" + link.name;
      if (link.name.empty() || link.name.size() > kLongestName || link.name.find('/') != std::string::npos) {
        fail_in_hdf5("a name is none:", below);
      }
      if (link.type != H5L_TYPE_HARD) fail_in_hdf5("links to other places or files are not followed:", below);
      if (!seen_.insert(link.address).second || seen_.size() > image_size_ / kSmallestObject) {
        fail_in_hdf5("one object has two names:", below);
      }
      const Hdf5Id object(H5Oopen(id, link.name.c_str(), H5P_DEFAULT), H5Oclose, "cannot read", below);
      const H5I_type_t kind = H5Iget_type(object);
      if (kind == H5I_GROUP) {
        group(object, below, depth + 1);
      } else if (kind == H5I_DATASET) {
        dataset(object, below);
      } else {
        fail_in_hdf5("neither a group nor a dataset:", below);
      }
    }
  }

 private:
  void begin(char letter, const std::string& path) {
    out_ += letter;
    listing::put(out_, path);
  }

  static std::vector<Link> links_of(hid_t id, const std::string& path) {
    std::vector<Link> links;
    const auto visit = [](hid_t, const char* name, const H5L_info_t* info, void* list) -> herr_t {
      try {
        const bool hard = info->type == H5L_TYPE_HARD;
        static_cast<std::vector<Link>*>(list)->push_back({name, info->type, hard ? info->u.address : HADDR_UNDEF});
        return 0;
      } catch (...) {
        return -1;
      }
    };
    require_hdf5(H5Literate(id, H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, visit, &links), "cannot list", path);
    return links;
  }

  void attributes(hid_t id, const std::string& path) {
    std::vector<std::string> names;
    const auto visit = [](hid_t, const char* name, const H5A_info_t*, void* list) -> herr_t {
      try {
        auto& found = *static_cast<std::vector<std::string>*>(list);
        found.emplace_back(name);
        return found.size() > kMostAttributes ? -1 : 0;
      } catch (...) {
        return -1;
      }
    };
    require_hdf5(H5Aiterate2(id, H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, visit, &names), "cannot list", path);
    for (const std::string& name : names) {
      if (name.empty() || name.size() > kLongestName) fail_in_hdf5("a name is none: an attribute of", path);
      begin(listing::kAttribute, path);
      listing::put(out_, name);
      attribute(id, path + (path == "/" ? "" : "/") + name, name);
    }
  }

  void attribute(hid_t object, const std::string& full, const std::string& name) {
    const Hdf5Id id(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose, "there is no attribute", full);
    const Hdf5Id type(H5Aget_type(id), H5Tclose, "cannot read attribute", full);
    const Hdf5Id space(H5Aget_space(id), H5Sclose, "cannot read attribute", full);
    const bool one = H5Sget_simple_extent_npoints(space) == 1;
    const bool narrow = H5Tget_size(type) <= sizeof(std::uint64_t);
    const H5T_class_t kind = H5Tget_class(type);
    if (one && kind == H5T_STRING && H5Tis_variable_str(type) > 0) {
      char* text = nullptr;
      require_hdf5(H5Aread(id, hdf5_text(), &text), "cannot read attribute", full);
      out_ += listing::kText;
      put_text(text, full);
      H5free_memory(text);
    } else if (one && narrow && kind == H5T_FLOAT) {
      double value = 0;
      require_hdf5(H5Aread(id, H5T_NATIVE_DOUBLE, &value), "cannot read attribute", full);
      out_ += listing::kReal;
      listing::put(out_, std::bit_cast<std::uint64_t>(value));
    } else if (one && narrow && kind == H5T_INTEGER) {
      std::uint64_t value = 0;
      require_hdf5(H5Aread(id, H5T_NATIVE_UINT64, &value), "cannot read attribute", full);
      out_ += listing::kWhole;
      listing::put(out_, value);
    } else {
      fail_in_hdf5("not of its type: attribute", full);
    }
  }

  void put_text(const char* text, const std::string& path) {
    const std::string_view view(text == nullptr ? "" : text);
    if (view.size() > kLongestText) fail_in_hdf5("text is too long in", path);
    listing::put(out_, view);
  }

  void dataset(hid_t id, const std::string& path) {
    const Hdf5Id type(H5Dget_type(id), H5Tclose, "cannot read", path);
    const Hdf5Id space(H5Dget_space(id), H5Sclose, "cannot read", path);
    const bool words = H5Tis_variable_str(type) > 0;
    if (words) {
      const std::uint64_t count = require_contiguous(id, space, kHeapReference, path).count;
      begin(listing::kWords, path);
      put_words(id, space, count, path);
      return;
    }
    const std::uint64_t width = width_of(type, path);
    const Place place = require_contiguous(id, space, width, path);
    begin(listing::kNumbers, path);
    listing::put(out_, width);
    listing::put(out_, place.offset);
    listing::put(out_, std::uint64_t{place.dims.size()});
    for (const hsize_t dim : place.dims) listing::put(out_, std::uint64_t{dim});
  }

  std::uint64_t width_of(hid_t type, const std::string& path) const {
    if (H5Tequal(type, H5T_NATIVE_FLOAT) > 0) return sizeof(float);
    if (H5Tequal(type, H5T_NATIVE_DOUBLE) > 0) return sizeof(double);
    const H5T_class_t kind = H5Tget_class(type);  // truth values are an enumeration of two names
    const bool bytes = (kind == H5T_INTEGER || kind == H5T_ENUM) && H5Tget_size(type) == 1;
    if (!bytes || content_ != Hdf5Content::arrays) fail_in_hdf5("not of its type:", path);
    return 1;
  }

  struct Place {
    std::vector<hsize_t> dims;
    std::uint64_t count = 1;
    std::uint64_t offset = 0;
  };

  // Inside of the file, in one piece, as large as the shape says: neither in other files nor made up of parts, and
  // nothing that would have to be computed.
  Place require_contiguous(hid_t id, hid_t space, std::uint64_t width, const std::string& path) const {
    const Hdf5Id creation(H5Dget_create_plist(id), H5Pclose, "cannot read", path);
    if (H5Pget_layout(creation) != H5D_CONTIGUOUS || H5Pget_external_count(creation) != 0) {
      fail_in_hdf5("not stored in one piece within the file:", path);
    }
    Place place;
    const int rank = H5Sget_simple_extent_ndims(space);
    if (rank < 0 || rank > kMostDims || H5Sget_simple_extent_type(space) == H5S_NULL)
      fail_in_hdf5("of no shape:", path);
    place.dims.resize(static_cast<std::size_t>(rank));
    H5Sget_simple_extent_dims(space, place.dims.data(), nullptr);
    std::uint64_t bytes = width;
    for (const hsize_t dim : place.dims) {
      if (__builtin_mul_overflow(place.count, std::uint64_t{dim}, &place.count) ||
          __builtin_mul_overflow(bytes, std::uint64_t{dim}, &bytes)) {
        fail_in_hdf5("of no shape:", path);
      }
    }
    if (bytes == 0) return place;
    const haddr_t offset = H5Dget_offset(id);
    if (H5Dget_storage_size(id) != bytes || offset == HADDR_UNDEF || bytes > image_size_ ||
        offset > image_size_ - bytes) {
      fail_in_hdf5("its storage is not what its shape needs:", path);
    }
    place.offset = offset;
    return place;
  }

  void put_words(hid_t id, hid_t space, std::uint64_t count, const std::string& path) {
    listing::put(out_, count);
    if (count == 0) return;
    std::vector<char*> pointers(count, nullptr);
    const Hdf5Id type = hdf5_text();
    require_hdf5(H5Dread(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()), "cannot read", path);
    for (const char* word : pointers) put_text(word, path);
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, pointers.data());
  }

  static constexpr std::uint64_t kHeapReference = 16;  // what stands for a text in a dataset: size, address, number

  std::size_t image_size_;
  Hdf5Content content_;
  std::set<haddr_t> seen_;
  std::string out_;
};

}  // namespace

std::string list_hdf5(std::span<const std::byte> image, Hdf5Content content) {
  const Hdf5Id file = open_image(image);
  Walk walk(image.size(), content);
  const Hdf5Id root(H5Gopen2(file, "/", H5P_DEFAULT), H5Gclose, "cannot be read:", "HDF5 content");
  walk.group(root, "/", 0);
  return std::move(walk).take();
}

}  // namespace tapehead
