#pragma once

#include <span>
#include <string>

#include "datasets/readers/image_options.hpp"

namespace tapehead {

/// An image as a sequence of patches (Dosovitskiy et al. 2021, §3.1): the pixels of a patch, row by row, are the
/// channels of a position, and patches follow each other row by row.
class ImagePatches {
 public:
  /// Throws ConfigError for patches that do not fill the image.
  ImagePatches(const ImageSize& image, const ImageSize& patch);
  /// Of options whose image is settled.
  explicit ImagePatches(const ImageOptions& options)
      : ImagePatches(parse_image_size(options.image), parse_image_size(options.patch)) {}

  const ImageSize& image() const { return image_; }
  const ImageSize& patch() const { return patch_; }
  /// Patches from top to bottom and from left to right.
  std::int64_t rows() const { return image_.height / patch_.height; }
  std::int64_t columns() const { return image_.width / patch_.width; }

  /// pixels (height · width), row by row → features (C, T).
  void cut(std::span<const float> pixels, std::span<float> features) const;
  /// And back.
  void join(std::span<const float> features, std::span<float> pixels) const;

 private:
  // Where a pixel stands among the features.
  std::size_t place(std::int64_t row, std::int64_t column) const;

  ImageSize image_, patch_;
};

}  // namespace tapehead
