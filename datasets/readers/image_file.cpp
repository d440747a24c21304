#include "datasets/readers/image_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/errors.hpp"
#include "datasets/readers/pair_name.hpp"

namespace tapehead {

std::string ImageFile::place(std::int64_t i) const {
  if (lines.empty()) return fmt::format("{}: image {}", name, i + 1);
  return fmt::format("{}:{}", name, lines[static_cast<std::size_t>(i)]);
}

ImageFile read_images(const std::string& name, const ImageSize& size, const ImageOptions& options) {
  const PairName names = parse_pair_name(name);
  ImageFile file = names.two_files ? read_idx_images(names.source, names.target, size)
                                   : read_csv_images(names.source, size, options);
  if (file.images() == 0) throw DataError(fmt::format("{}: holds no images", file.name));
  file.largest = static_cast<double>(std::ranges::max(file.pixels));
  return file;
}

}  // namespace tapehead
