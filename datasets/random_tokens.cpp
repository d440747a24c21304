#include "datasets/random_tokens.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
#include "datasets/digest.hpp"

namespace tapehead {
namespace {

// Sequences are windows into one long one, so that a step pays next to nothing for its data.
constexpr std::int64_t kWindows = 1 << 16;

std::vector<std::int32_t> draw_pool(std::int64_t size, std::int64_t vocabulary) {
  const RandomStream random(0, Purpose::training_data);
  std::vector<std::int32_t> pool(static_cast<std::size_t>(size));
  const auto free_ids = static_cast<std::uint64_t>(vocabulary - kFirstFreeId);
  for (std::size_t i = 0; i < pool.size(); ++i) {
    pool[i] = kFirstFreeId + static_cast<std::int32_t>(random.below(free_ids, 0, static_cast<std::uint32_t>(i)));
  }
  return pool;
}

Vocabulary numbered_words(std::int64_t vocabulary) {
  std::vector<std::string> words;
  for (std::int64_t i = kFirstFreeId; i < vocabulary; ++i) words.push_back(std::to_string(i));
  return Vocabulary(std::move(words));
}

const RandomTokensOptions& checked(const RandomTokensOptions& options) {
  if (options.vocabulary <= kFirstFreeId) {
    throw ConfigError(fmt::format("random tokens: a vocabulary of {} has none but reserved ids; take {} or more",
                                  options.vocabulary, kFirstFreeId + 1));
  }
  if (options.source_length < 0 || options.target_length < 1) {
    throw ConfigError(fmt::format("random tokens: lengths must be positive, not {} and {}", options.source_length,
                                  options.target_length));
  }
  return options;
}

}  // namespace

RandomTokens::RandomTokens(const RandomTokensOptions& options)
    : options_(checked(options)),
      shape_{.data = "random tokens",
             .has_source = options.source_length > 0,
             .source = std::max<std::int64_t>(options.source_length - 1, 0),
             .target = options.target_length - 1},
      vocabulary_(numbered_words(options.vocabulary)),
      pool_(draw_pool(std::max(options.source_length, options.target_length) - 1 + kWindows, options.vocabulary)) {}

void RandomTokens::fill_training_batch(std::uint64_t seed, std::uint64_t step, std::int64_t examples,
                                       Batch& batch) const {
  const RandomStream random(seed, Purpose::training_data, step);
  const auto window = [&](std::int64_t example, std::uint32_t which, std::int64_t length) {
    const std::uint64_t first = random.below(kWindows, static_cast<std::uint32_t>(example), which);
    return std::span(pool_).subspan(first, static_cast<std::size_t>(length));
  };
  batch.clear();
  for (std::int64_t i = 0; i < examples; ++i) {
    batch.append(window(i, 0, shape_.source), window(i, 1, shape_.target));
  }
}

SequencePair RandomTokens::example(Split, std::int64_t index) const {
  throw DataError(
      fmt::format("random tokens: example {} of a held-out split is asked for, and nothing is held out", index));
}

std::uint64_t RandomTokens::digest() const {
  return digest_ids(pool_, static_cast<std::uint64_t>(options_.source_length * 1'000'003 + options_.target_length));
}

}  // namespace tapehead
