#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "datasets/readers/image_file.hpp"
#include "datasets/readers/inflated.hpp"

namespace tapehead {
namespace {

// A file of the IDX form: two zero bytes, the type of its numbers (8: bytes), how many axes it has, their sizes as
// numbers of four bytes with the highest first, and the numbers.
class IdxFile {
 public:
  IdxFile(const std::string& path, int axes, const char* what)
      : source_(path, static_cast<std::uint64_t>(kMostPixels) + 64) {
    const auto magic = bytes<4>();
    if (magic[0] != 0 || magic[1] != 0 || magic[2] != 8 || magic[3] != axes) {
      throw DataError(
          fmt::format("{}: is not an IDX file of {}: it begins with {:02x} {:02x} {:02x} {:02x}, not 00 00 08 {:02x}",
                      path, what, magic[0], magic[1], magic[2], magic[3], axes));
    }
    for (int axis = 0; axis < axes; ++axis) {
      const auto size = bytes<4>();
      sizes_.push_back((std::int64_t{size[0]} << 24) | (size[1] << 16) | (size[2] << 8) | size[3]);
    }
    std::int64_t all = 1;
    for (const std::int64_t size : sizes_) {
      if (size > 0 && all > kMostPixels / size) {
        throw DataError(fmt::format("{}: says that it has {}, more than {} bytes", path, sizes_text(), kMostPixels));
      }
      all *= size;
    }
    count_ = all;
  }

  std::int64_t size(std::size_t axis) const { return sizes_[axis]; }
  std::string sizes_text() const {
    std::string text;
    for (const std::int64_t size : sizes_) text += fmt::format("{}{}", text.empty() ? "" : " x ", size);
    return text;
  }

  /// Calls take(byte) for each of them, and sees that there are no more. Memory grows as they come, not as is said.
  template <class Take>
  void for_each(Take take) {
    std::array<char, 4096> block;
    std::int64_t left = count_;
    while (const std::size_t found = source_.read(block)) {
      if (static_cast<std::int64_t>(found) > left) {
        throw DataError(fmt::format("{}: holds more than the {} that it says", source_.name(), sizes_text()));
      }
      left -= static_cast<std::int64_t>(found);
      for (std::size_t i = 0; i < found; ++i) take(static_cast<unsigned char>(block[i]));
    }
    if (left > 0) {
      throw DataError(
          fmt::format("{}: ends {} before the {} that it says", source_.name(), counted(left, "byte"), sizes_text()));
    }
  }

 private:
  template <std::size_t N>
  std::array<unsigned char, N> bytes() {
    std::array<char, N> raw{};
    std::size_t filled = 0;
    while (filled < N) {
      const std::size_t found = source_.read(std::span(raw).subspan(filled));
      if (found == 0) throw DataError(fmt::format("{}: ends amid its first bytes; it is no IDX file", source_.name()));
      filled += found;
    }
    std::array<unsigned char, N> read{};
    std::ranges::transform(raw, read.begin(), [](char c) { return static_cast<unsigned char>(c); });
    return read;
  }

  InflatedFile source_;
  std::vector<std::int64_t> sizes_;
  std::int64_t count_ = 0;
};

}  // namespace

ImageFile read_idx_images(const std::string& images, const std::string& labels, const ImageSize& size) {
  IdxFile of_images(images, 3, "images");
  IdxFile of_labels(labels, 1, "labels");
  ImageFile file{.name = images, .size = {of_images.size(1), of_images.size(2)}, .usual_largest = 255};
  if (of_images.size(0) != of_labels.size(0)) {
    throw DataError(fmt::format("{} has {} and {} has {}; one belongs to another file", images,
                                counted(of_images.size(0), "image"), labels, counted(of_labels.size(0), "label")));
  }
  if (file.size.pixels() == 0) throw DataError(fmt::format("{}: its images have no pixels", images));
  if (size.pixels() > 0 && size != file.size) {
    throw DataError(
        fmt::format("{}: its images are {}, and {} are expected", images, to_string(file.size), to_string(size)));
  }
  of_images.for_each([&](unsigned char pixel) { file.pixels.push_back(static_cast<float>(pixel)); });
  of_labels.for_each([&](unsigned char label) { file.classes.push_back(std::to_string(label)); });
  return file;
}

}  // namespace tapehead
