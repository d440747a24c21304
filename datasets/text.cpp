#include "datasets/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
#include "datasets/digest.hpp"
#include "datasets/pairs.hpp"

namespace tapehead {
namespace {

void check(const TextOptions& o) {
  if (o.train.empty()) throw ConfigError("train: a file of training pairs is needed for text");
  if (o.min_count < 1) throw ConfigError(fmt::format("min-count: must be at least 1, not {}", o.min_count));
  if (o.max_words < 0) throw ConfigError(fmt::format("max-words: must not be negative, is {}", o.max_words));
  if (o.max_length < 1) throw ConfigError(fmt::format("max-length: must be at least 1, not {}", o.max_length));
}

std::vector<std::vector<std::string>> side(const std::vector<WordPair>& pairs,
                                           std::vector<std::string> WordPair::*lines) {
  std::vector<std::vector<std::string>> all;
  all.reserve(pairs.size());
  for (const WordPair& pair : pairs) all.push_back(pair.*lines);
  return all;
}

}  // namespace

TextDataset::TextDataset(const TextOptions& options) {
  check(options);
  const auto read = [&](const std::string& name) {
    PairFile file = name.empty() ? PairFile{} : read_pairs(name);
    std::ranges::move(file.first_bad_lines, std::back_inserter(report_.first_bad_lines));
    report_.bad_lines += file.bad_lines;
    return std::move(file.pairs);
  };
  std::vector<WordPair> train = read(options.train);
  const std::vector<WordPair> validation = read(options.valid);
  const std::vector<WordPair> test = read(options.test);

  report_.too_long = std::erase_if(train, [&](const WordPair& pair) {
    return std::max(std::ssize(pair.source), std::ssize(pair.target)) > options.max_length;
  });
  report_.training_pairs = std::ssize(train);
  if (train.empty()) {
    throw DataError(
        fmt::format("{}: every pair has more than {} tokens; raise max-length", options.train, options.max_length));
  }
  const std::set<WordPair> known(train.begin(), train.end());
  for (const auto* split : {&validation, &test}) {
    report_.held_out_in_train += std::ranges::count_if(*split, [&](const auto& pair) { return known.contains(pair); });
  }

  source_vocabulary_ = Vocabulary::of_lines(side(train, &WordPair::source), options.min_count, options.max_words);
  target_vocabulary_ = Vocabulary::of_lines(side(train, &WordPair::target), options.min_count, options.max_words);
  const auto encode = [&](const std::vector<WordPair>& pairs) {
    std::vector<SequencePair> encoded;
    encoded.reserve(pairs.size());
    for (const auto& [source, target] : pairs) {
      encoded.push_back({source_vocabulary_.ids(source), target_vocabulary_.ids(target)});
    }
    take_lengths(encoded);
    return encoded;
  };
  train_ = encode(train);
  validation_ = encode(validation);
  test_ = encode(test);
  order_.resize(train_.size());
}

void TextDataset::take_lengths(const std::vector<SequencePair>& pairs) {
  for (const SequencePair& pair : pairs) {
    max_source_ = std::max<std::int64_t>(max_source_, std::ssize(pair.source));
    max_target_ = std::max<std::int64_t>(max_target_, std::ssize(pair.target));
  }
}

void TextDataset::fill_training_batch(std::uint64_t seed, std::uint64_t step, std::int64_t examples,
                                      Batch& batch) const {
  const std::lock_guard lock(order_mutex_);
  const auto count = static_cast<std::uint64_t>(train_.size());
  batch.clear();
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(examples); ++i) {
    const std::uint64_t n = (step - 1) * static_cast<std::uint64_t>(examples) + i;
    const std::uint64_t epoch = n / count;
    if (!order_known_ || order_seed_ != seed || order_epoch_ != epoch) {
      const RandomStream random(seed, Purpose::shuffle, epoch);  // Fisher and Yates, in Durstenfeld's form
      std::iota(order_.begin(), order_.end(), 0U);
      for (std::uint64_t k = count - 1; k > 0; --k) {
        std::swap(order_[k], order_[random.below(k + 1, static_cast<std::uint32_t>(k))]);
      }
      order_seed_ = seed;
      order_epoch_ = epoch;
      order_known_ = true;
    }
    const SequencePair& pair = train_[order_[n % count]];
    batch.append(pair.source, pair.target);
  }
}

std::int64_t TextDataset::size(Split split) const { return std::ssize(split == Split::test ? test_ : validation_); }

SequencePair TextDataset::example(Split split, std::int64_t index) const {
  return (split == Split::test ? test_ : validation_).at(static_cast<std::size_t>(index));
}

std::uint64_t TextDataset::digest() const {
  std::uint64_t digest = digest_bytes("text");
  // A list's size goes before it: else a word or a pair could move from one list to the next unseen.
  const auto add_size = [&](std::int64_t size) { digest = digest_bytes(std::to_string(size), digest); };
  for (const auto* vocabulary : {&source_vocabulary_, &target_vocabulary_}) {
    add_size(vocabulary->size());
    for (const std::string& word : vocabulary->words()) digest = digest_bytes(word, digest);
  }
  for (const auto* split : {&train_, &validation_, &test_}) {
    add_size(std::ssize(*split));
    for (const SequencePair& pair : *split) digest = digest_ids(pair.target, digest_ids(pair.source, digest));
  }
  return digest;
}

}  // namespace tapehead
