#include "datasets/example.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

template <class T>
std::span<T> first_of(std::vector<T>& room, std::int64_t count) {
  return std::span(room).first(static_cast<std::size_t>(count));
}

}  // namespace

SequencePair stored(const ExampleView& example) {
  const auto copy = [](auto part) { return std::vector(part.begin(), part.end()); };
  return {.source = copy(example.source),
          .target = copy(example.target),
          .features = copy(example.features),
          .label = example.label,
          .positions = copy(example.positions),
          .marks = copy(example.marks),
          .before = example.before};
}

ExampleShape shape_of(const ExampleShape& data, const ExampleView& example) {
  ExampleShape shape = data;
  shape.source = std::ssize(example.source);
  shape.target = std::ssize(example.target);
  shape.features = data.channels == 0 ? 0 : std::ssize(example.features) / data.channels;
  return shape;
}

ExampleWriter::ExampleWriter(const ExampleShape& longest)
    : longest_(longest),
      source_(static_cast<std::size_t>(longest.source)),
      target_(static_cast<std::size_t>(longest.target)),
      positions_(static_cast<std::size_t>(longest.has_positions ? longest.target + longest.ends : 0)),
      features_(static_cast<std::size_t>(longest.channels * longest.features)),
      marks_(static_cast<std::size_t>(longest.target + longest.ends)) {}

void ExampleWriter::require(bool possible, const char* what, std::int64_t length, std::int64_t longest) const {
  if (!possible) throw DataError(fmt::format("{}: wrote {}, and said that it has none", longest_.data, what));
  if (length >= 0 && length <= longest) return;
  throw DataError(
      fmt::format("{}: wrote {} of length {}, and the longest was to be {}", longest_.data, what, length, longest));
}

void ExampleWriter::clear() { written_ = {}; }

std::span<std::int32_t> ExampleWriter::source(std::int64_t length) {
  require(longest_.has_source, "a source", length, longest_.source);
  const auto room = first_of(source_, length);
  written_.source = room;
  return room;
}

std::span<std::int32_t> ExampleWriter::target(std::int64_t length) {
  require(longest_.has_target, "a target", length, longest_.target);
  const auto room = first_of(target_, length);
  written_.target = room;
  return room;
}

std::span<float> ExampleWriter::features(std::int64_t positions) {
  require(longest_.channels > 0, "features", positions, longest_.features);
  const auto room = first_of(features_, longest_.channels * positions);
  written_.features = room;
  return room;
}

void ExampleWriter::label(std::int32_t label) {
  if (label < 0 || label >= longest_.classes) {
    throw DataError(fmt::format("{}: wrote the label {}, and has {} classes", longest_.data, label, longest_.classes));
  }
  written_.label = label;
}

std::span<std::int32_t> ExampleWriter::positions() {
  require(longest_.has_positions, "positions", 0, 0);
  const auto room = first_of(positions_, std::ssize(written_.target) + longest_.ends);
  std::iota(room.begin(), room.end(), 0);
  written_.positions = room;
  return room;
}

std::span<std::uint8_t> ExampleWriter::marks() {
  require(longest_.has_target, "marks", 0, 0);
  const auto room = first_of(marks_, std::ssize(written_.target) + longest_.ends);
  std::ranges::fill(room, std::uint8_t{1});
  written_.marks = room;
  return room;
}

}  // namespace tapehead
