#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/readers/image_options.hpp"

namespace tapehead {

/// Grey images as a file has them: pixels as they stand there, and the names of their classes.
struct ImageFile {
  std::string name;                       ///< the file, for messages
  ImageSize size = {};                    ///< of every image
  std::vector<float> pixels = {};         ///< image by image, row by row
  std::vector<std::string> classes = {};  ///< of each image
  std::vector<std::int64_t> lines = {};   ///< of each in a text file; empty: images have their numbers
  double largest = 0;                     ///< pixel
  double usual_largest = 0;               ///< of such files; 0: nobody knows

  std::int64_t images() const { return std::ssize(classes); }
  std::span<const float> image(std::int64_t i) const {
    const auto each = static_cast<std::size_t>(size.pixels());
    return std::span(pixels).subspan(static_cast<std::size_t>(i) * each, each);
  }
  /// Where it stands, "file:line" or "file: image 5".
  std::string place(std::int64_t i) const;
};

/// Pixels that all images of a file may have.
inline constexpr std::int64_t kMostPixels = std::int64_t{1} << 28;

/// The images of a name: one file is CSV, a line an image, its class first or last; two files, `A,B`, are images and
/// labels in the IDX form of MNIST (LeCun et al. 1998). Each may be a gzip file. `size`: what images must have; zero:
/// as the file has them, of CSV a square. Throws DataError that names the file, and the line or image.
ImageFile read_images(const std::string& name, const ImageSize& size, const ImageOptions& options);

/// The two forms by themselves.
ImageFile read_csv_images(const std::string& path, const ImageSize& size, const ImageOptions& options);
ImageFile read_idx_images(const std::string& images, const std::string& labels, const ImageSize& size);

/// Adds the numbers that stand between commas. Throws DataError, "pixel 3 is …", for one that is no pixel.
void append_pixels(std::string_view fields, std::vector<float>& pixels);

}  // namespace tapehead
