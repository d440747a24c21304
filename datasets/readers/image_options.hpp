#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "autograd/base/options.hpp"

namespace tapehead {

/// Rows and columns of pixels.
struct ImageSize {
  std::int64_t height = 0, width = 0;

  std::int64_t pixels() const { return height * width; }
  bool operator==(const ImageSize&) const = default;
};

/// "8x8": height and width. Throws ConfigError, naming no option, for anything else.
ImageSize parse_image_size(std::string_view text);
std::string to_string(const ImageSize& size);

/// What people say of images. Their files are those of TextOptions.
struct ImageOptions {
  std::string label = "last";   ///< first | last: where the class stands in a line of CSV
  std::string image = {};       ///< height and width; empty: as an IDX file says, of CSV a square
  std::string patch = "4x4";    ///< see ImagePatches
  double pixel_max = 0;         ///< what becomes 1; 0: 255 of IDX, of CSV the largest pixel of the training file
  std::int64_t validation = 0;  ///< images of the training file that are held out where no such file is named
  std::int64_t test = 0;

  static Fields<ImageOptions> fields();
};

}  // namespace tapehead
