#include "datasets/tasks/symbols.hpp"

#include <fmt/format.h>

#include <cmath>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

constexpr std::int64_t kLongest = 4096;
// Each has a name in the vocabulary and an embedding.
constexpr std::int64_t kMostSymbols = 1'000'000;

void check(const MadeOptions& o) {
  if (o.symbols < 1 || o.symbols > kMostSymbols) {
    throw ConfigError(fmt::format("symbols: between 1 and {} are possible, not {}", kMostSymbols, o.symbols));
  }
  if (o.min_length < 1 || o.max_length < o.min_length || o.max_length > kLongest) {
    throw ConfigError(fmt::format("min-length {} and max-length {} must satisfy 1 <= min-length <= max-length <= {}",
                                  o.min_length, o.max_length, kLongest));
  }
}

Vocabulary symbol_names(const MadeOptions& options) {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < options.symbols; ++i) names.push_back(std::to_string(i));
  return Vocabulary(std::move(names));
}

ExampleShape shape(const MadeOptions& options) { return {.source = options.max_length, .target = options.max_length}; }

std::int64_t levels(const MadeOptions& options) { return options.max_length - options.min_length + 1; }

ExampleSpace space(const MadeOptions& options, std::int64_t first, std::int64_t last) {
  double size = 0;
  for (std::int64_t level = first; level <= last; ++level) {
    size += std::pow(static_cast<double>(options.symbols), static_cast<double>(options.min_length + level));
  }
  const std::string symbols = counted(options.symbols, "symbol");
  const std::int64_t shortest = options.min_length + first;
  if (first == last) return {size, fmt::format("{} and length {}", symbols, shortest)};
  return {size, fmt::format("{} and lengths {} to {}", symbols, shortest, options.min_length + last)};
}

}  // namespace

std::span<const std::int32_t> write_symbols(ExampleStream& stream, const MadeOptions& options, ExampleWriter& out) {
  const std::span<std::int32_t> source = out.source(options.min_length + stream.level());
  for (std::int32_t& id : source) id = kFirstFreeId + static_cast<std::int32_t>(stream.below(options.symbols));
  return source;
}

TaskSpec symbol_task(TaskSpec spec) {
  if (spec.check == nullptr) spec.check = check;
  if (spec.vocabulary == nullptr) spec.vocabulary = symbol_names;
  if (spec.shape == nullptr) spec.shape = shape;
  if (spec.levels == nullptr) spec.levels = levels;
  if (spec.space == nullptr) spec.space = space;
  spec.slices.push_back({"length", [](const SequencePair& example) { return std::ssize(example.source); }});
  return spec;
}

}  // namespace tapehead
