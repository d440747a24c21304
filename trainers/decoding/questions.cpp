#include "trainers/decoding/questions.hpp"

#include <algorithm>

namespace tapehead {

Questions::Questions(std::span<const SequencePair> examples, std::int64_t channels) : channels_(channels) {
  for (const SequencePair& example : examples) texts_.push_back(example.source);
  if (channels == 0) return;
  for (const SequencePair& example : examples) {
    lengths_.push_back(static_cast<std::int32_t>(std::ssize(example.features) / channels));
    stride_ = std::max<std::int64_t>(stride_, lengths_.back());
  }
  const auto each = static_cast<std::size_t>(channels * stride_);
  features_.resize(examples.size() * each);
  for (std::size_t b = 0; b < examples.size(); ++b) {
    std::ranges::copy(examples[b].features, features_.begin() + static_cast<std::ptrdiff_t>(b * each));
  }
}

Sources Questions::sources() const {
  if (channels_ == 0) return Sources(texts_);
  return Sources::of_features(texts_,
                              {features_.data(), lengths_.data(), channels_, stride_, stride_, std::ssize(lengths_)});
}

}  // namespace tapehead
