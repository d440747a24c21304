#include "datasets/readers/image_options.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

constexpr std::int64_t kLongestSide = 10'000;

std::int64_t parse_side(std::string_view text, std::string_view whole) {
  std::int64_t side = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), side);
  if (error == std::errc() && end == text.data() + text.size() && side >= 1 && side <= kLongestSide) return side;
  throw ConfigError(
      fmt::format("\"{}\" is not a height and a width of 1 to {} pixels, such as 8x8", whole, kLongestSide));
}

}  // namespace

ImageSize parse_image_size(std::string_view text) {
  const std::size_t at = text.find('x');
  if (at == std::string_view::npos) return {parse_side({}, text), 0};
  return {parse_side(text.substr(0, at), text), parse_side(text.substr(at + 1), text)};
}

std::string to_string(const ImageSize& size) { return fmt::format("{}x{}", size.height, size.width); }

Fields<ImageOptions> ImageOptions::fields() {
  const Conditions images{one_of("task", "images")};
  const auto is_size = [](std::string_view text) { parse_image_size(text); };
  const auto is_size_or_nothing = [](std::string_view text) {
    if (!text.empty()) parse_image_size(text);
  };
  return {
      {&ImageOptions::image,
       {.name = "image",
        .check = is_size_or_nothing,
        .help = "height and width of an image in pixels",
        .when = "set it where images of CSV files are not squares; IDX files say it themselves",
        .placeholder = "HxW",
        .applies_when = images,
        .after = "max-words"}},
      {&ImageOptions::patch,
       {.name = "patch",
        .check = is_size,
        .help = "height and width of the patches that an image is cut into, each a position of what the model reads",
        .when = "smaller ones see more and take more time; 1xW reads rows of a width W",
        .placeholder = "HxW",
        .gives_weights_meaning = true,
        .applies_when = images}},
      {&ImageOptions::label,
       {.name = "label",
        .choices = "first last",
        .help = "where the class stands in a line of a CSV file",
        .when = "first, as in many copies of MNIST",
        .applies_when = images}},
      {&ImageOptions::pixel_max,
       {.name = "pixel-max",
        .range = {0, 1e9},
        .help = "the pixel that becomes 1; 0 stays 0",
        .when = "set it where no image of the training file is as bright as one can be",
        .zero = "255 of IDX files, the largest of the training file of CSV files",
        .applies_when = images}},
      {&ImageOptions::validation, "validation-size"},
      {&ImageOptions::test, "test-size"},
  };
}

}  // namespace tapehead
