#include "datasets/dataset.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/errors.hpp"

namespace tapehead {

Split parse_split(const std::string& text) {
  if (text == "validation") return Split::validation;
  if (text == "test") return Split::test;
  throw ConfigError(fmt::format("split: \"{}\" is none of validation, test", text));
}

const char* name_of(Split split) { return split == Split::test ? "test" : "validation"; }

std::string Dataset::place(Split split, std::int64_t index) const {
  return fmt::format("{} sequence {}", name_of(split), index + 1);
}

BatchLayout batch_layout(const Dataset& dataset, bool has_encoder) {
  if (!dataset.has_source()) return BatchLayout::language;
  if (has_encoder) return BatchLayout::encoder_decoder;
  const Vocabulary& source = dataset.source_vocabulary();
  const Vocabulary& target = dataset.target_vocabulary();
  if (&source != &target && !std::ranges::equal(source.words(), target.words())) {
    throw ConfigError(
        fmt::format("{} has two vocabularies, and a model without an encoder has one", dataset.shape().data));
  }
  return BatchLayout::decoder_only;
}

const std::string& Dataset::headline() const {
  static const std::string loss = "loss";
  return loss;
}

}  // namespace tapehead
