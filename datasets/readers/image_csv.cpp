#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/lines.hpp"
#include "autograd/base/text.hpp"
#include "datasets/readers/image_file.hpp"
#include "datasets/readers/inflated.hpp"

namespace tapehead {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 34U;
constexpr std::size_t kLongestLine = std::size_t{1} << 24U;

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// The number of a field, or not a number.
float pixel_in(std::string_view field) {
  float pixel = NAN;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), pixel);
  return error == std::errc() && end == field.data() + field.size() ? pixel : NAN;
}

// Class and pixels of a line.
struct LineParts {
  std::string_view label, pixels;
};

LineParts split(std::string_view line, bool first) {
  const std::size_t comma = first ? line.find(',') : line.rfind(',');
  if (comma == std::string_view::npos) return {trimmed(line), {}};
  if (first) return {trimmed(line.substr(0, comma)), line.substr(comma + 1)};
  return {trimmed(line.substr(comma + 1)), line.substr(0, comma)};
}

// Whether no field is a number, as in a line of titles.
bool is_titles(std::string_view pixels) {
  while (true) {
    const std::size_t comma = pixels.find(',');
    if (!std::isnan(pixel_in(trimmed(pixels.substr(0, comma))))) return false;
    if (comma == std::string_view::npos) return true;
    pixels.remove_prefix(comma + 1);
  }
}

ImageSize square_of(std::int64_t pixels, const std::string& place) {
  const auto side = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(pixels))));
  if (side * side == pixels) return {side, side};
  throw DataError(
      fmt::format("{}: has {}, which make no square; say with --image HxW how high and wide images are, or with "
                  "--label where their class stands",
                  place, counted(pixels, "pixel")));
}

}  // namespace

void append_pixels(std::string_view fields, std::vector<float>& pixels) {
  for (std::int64_t number = 1;; ++number) {
    const std::size_t comma = fields.find(',');
    const std::string_view field = trimmed(fields.substr(0, comma));
    const float pixel = pixel_in(field);
    if (!std::isfinite(pixel) || pixel < 0) {
      throw DataError(fmt::format("pixel {} is \"{}\", not a number from 0 on", number, printable(field)));
    }
    pixels.push_back(pixel);
    if (comma == std::string_view::npos) return;
    fields.remove_prefix(comma + 1);
  }
}

ImageFile read_csv_images(const std::string& path, const ImageSize& size, const ImageOptions& options) {
  InflatedFile source(path, kMostBytes);
  LineReader lines(source, {.longest = kLongestLine});
  ImageFile file{.name = path, .size = size};
  const bool first = options.label == "first";
  bool titles_possible = true;
  for (std::string_view line; lines.next(line);) {
    if (trimmed(line).empty()) continue;
    const auto [label, fields] = split(line, first);
    if (titles_possible && std::ranges::count(line, ',') > 0 && is_titles(fields)) {
      titles_possible = false;
      continue;
    }
    titles_possible = false;
    if (label.empty()) {
      throw DataError(fmt::format("{}: the {} field, the class, is empty; --label says where it stands", lines.place(),
                                  options.label));
    }
    const std::size_t before = file.pixels.size();
    try {
      if (fields.empty()) throw DataError("has no pixels; expected numbers and a class, with commas between");
      append_pixels(fields, file.pixels);
    } catch (const DataError& error) {
      throw DataError(fmt::format("{}: {}", lines.place(), error.what()));
    }
    const auto pixels = static_cast<std::int64_t>(file.pixels.size() - before);
    if (file.size.pixels() == 0) file.size = square_of(pixels, lines.place());
    if (pixels != file.size.pixels()) {
      throw DataError(fmt::format("{}: has {}, and an image of {} has {}", lines.place(), counted(pixels, "pixel"),
                                  to_string(file.size), file.size.pixels()));
    }
    if (std::ssize(file.pixels) > kMostPixels) {
      throw DataError(fmt::format("{}: the images have more than {} pixels", lines.place(), kMostPixels));
    }
    file.classes.emplace_back(label);
    file.lines.push_back(lines.number());
  }
  return file;
}

}  // namespace tapehead
