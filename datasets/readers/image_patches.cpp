#include "datasets/readers/image_patches.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"

namespace tapehead {

ImagePatches::ImagePatches(const ImageSize& image, const ImageSize& patch) : image_(image), patch_(patch) {
  if (image.height % patch.height == 0 && image.width % patch.width == 0) return;
  throw ConfigError(fmt::format("patch: patches of {} do not fill an image of {}; take divisors of its sides",
                                to_string(patch), to_string(image)));
}

std::size_t ImagePatches::place(std::int64_t row, std::int64_t column) const {
  const std::int64_t patch = row / patch_.height * columns() + column / patch_.width;
  const std::int64_t inside = row % patch_.height * patch_.width + column % patch_.width;
  return static_cast<std::size_t>(patch * patch_.pixels() + inside);
}

void ImagePatches::cut(std::span<const float> pixels, std::span<float> features) const {
  std::size_t at = 0;
  for (std::int64_t r = 0; r < image_.height; ++r) {
    for (std::int64_t c = 0; c < image_.width; ++c) features[place(r, c)] = pixels[at++];
  }
}

void ImagePatches::join(std::span<const float> features, std::span<float> pixels) const {
  std::size_t at = 0;
  for (std::int64_t r = 0; r < image_.height; ++r) {
    for (std::int64_t c = 0; c < image_.width; ++c) pixels[at++] = features[place(r, c)];
  }
}

}  // namespace tapehead
