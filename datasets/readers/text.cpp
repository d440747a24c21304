#include "datasets/readers/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "datasets/digest.hpp"
#include "datasets/readers/known_pairs.hpp"
#include "datasets/source.hpp"

namespace tapehead {
namespace {

constexpr std::int64_t kUsualLength = 50;
constexpr std::int64_t kUsualCharacters = 250;  // about as much text

using Ids = std::span<const std::int32_t>;
using Side = Ids (PairIds::*)(std::size_t) const;

void check(const TextOptions& o, bool vocabularies_known) {
  if (o.train.empty() && !vocabularies_known) throw ConfigError("train: a file of training pairs is needed for text");
  if (o.min_count < 1) throw ConfigError(fmt::format("min-count: must be at least 1, not {}", o.min_count));
  if (o.max_words < 0) throw ConfigError(fmt::format("max-words: must not be negative, is {}", o.max_words));
  if (o.max_length < 1) throw ConfigError(fmt::format("max-length: must be at least 1, not {}", o.max_length));
}

// Reads lines into numbers of their words.
class NumberedWords {
 public:
  NumberedWords(Tokenizer tokenizer, WordNumbers& words) : split_(tokenizer), words_(words) {}

  Ids operator()(std::string_view line) {
    numbers_.clear();
    for (const std::string_view token : split_(line)) numbers_.push_back(words_.number(token));
    return numbers_;
  }

 private:
  LineSplitter split_;
  WordNumbers& words_;
  std::vector<std::int32_t> numbers_;
};

std::vector<std::int64_t> count_words(const WordNumbers& words, const PairIds& pairs, Side side) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(words.size()), 0);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    for (const std::int32_t number : (pairs.*side)(i)) ++counts[static_cast<std::size_t>(number)];
  }
  return counts;
}

double share_seen_once(const std::vector<std::int64_t>& counts) {
  const std::int64_t all = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  return all == 0 ? 0 : static_cast<double>(std::ranges::count(counts, 1)) / static_cast<double>(all);
}

std::vector<std::int32_t> ids_of(const WordNumbers& words, const Vocabulary& vocabulary) {
  std::vector<std::int32_t> ids;
  ids.reserve(static_cast<std::size_t>(words.size()));
  for (std::int32_t n = 0; n < words.size(); ++n) ids.push_back(vocabulary.id(words.word(n)));
  return ids;
}

UnknownWords count_unknown(const PairIds& pairs, Side side, Ids ids_of_numbers) {
  UnknownWords found;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const Ids numbers = (pairs.*side)(i);
    found.words += std::ssize(numbers);
    found.unknown += std::ranges::count_if(
        numbers, [&](std::int32_t n) { return ids_of_numbers[static_cast<std::size_t>(n)] == kUnknown; });
  }
  return found;
}

void count_seen_in_training(const PairIds& train, const PairIds& held_out, SplitReport& report) {
  const KnownPairs pairs(train, Compared::pair);
  const KnownPairs sources(train, Compared::source);
  std::int64_t seen = 0;
  for (std::size_t i = 0; i < held_out.size(); ++i) {
    const bool known = pairs.contain(held_out, i);
    seen += known ? 1 : 0;
    report.sources_in_training += !known && sources.contain(held_out, i) ? 1 : 0;
  }
  report.seen_in_training = seen;
}

std::vector<std::string> spelled(const WordNumbers& words, Ids numbers) {
  std::vector<std::string> found;
  for (const std::int32_t n : numbers) found.emplace_back(words.word(n));
  return found;
}

}  // namespace

DataSource reader_text() {
  const auto open = [](const DataOptions& options, std::optional<Vocabularies> known) {
    return std::make_unique<TextDataset>(options.text, std::move(known));
  };
  const auto usual_length = [](const DataOptions& options) {
    return options.text.tokenizer == Tokenizer::characters ? kUsualCharacters : kUsualLength;
  };
  return {.name = "text",
          .description = "pairs of lines from files: --train, --valid, --test",
          .file_option = "train",
          .reads_pairs = true,
          .open = open,
          .lines = [](const DataOptions& options) { return text_lines(options.text.tokenizer); },
          .usual_length = usual_length};
}

TextDataset::TextDataset(const TextOptions& options, std::optional<Vocabularies> known) {
  check(options, known.has_value());
  report_.tokenizer = options.tokenizer;
  NumberedWords source_numbers(options.tokenizer, source_words_);
  NumberedWords target_numbers(options.tokenizer, target_words_);
  // Longer pairs are not trained on; those that are held out stay, and make nothing larger.
  const auto read = [&](const std::string& name, SplitReport& report, PairIds& pairs,
                        std::vector<std::int64_t>* lines) {
    if (name.empty()) return;
    report.file = read_pairs(name, options.columns,
                             [&](std::string_view source_line, std::string_view target_line, std::int64_t line) {
                               const Ids source = source_numbers(source_line);
                               const Ids target = target_numbers(target_line);
                               if (std::max(std::ssize(source), std::ssize(target)) <= options.max_length) {
                                 shape_.source = std::max(shape_.source, std::ssize(source));
                                 shape_.target = std::max(shape_.target, std::ssize(target));
                               } else if (lines == nullptr) {
                                 return;
                               }
                               pairs.add(source, target);
                               if (lines != nullptr) lines->push_back(line);
                             });
  };
  read(options.train, report_.train, train_, nullptr);
  read(options.valid, report_.validation, validation_, &validation_lines_);
  read(options.test, report_.test, test_, &test_lines_);

  report_.training_pairs = std::ssize(train_);
  report_.too_long = report_.train.file.pairs - report_.training_pairs;
  if (train_.size() == 0 && !options.train.empty()) {
    throw DataError(fmt::format("{}: every pair has more than {}; raise max-length", options.train,
                                counted(options.max_length, "token")));
  }
  if (!options.train.empty()) {
    report_.train.seen_in_training = KnownPairs(train_, Compared::pair).repeated();
    count_seen_in_training(train_, validation_, report_.validation);
    count_seen_in_training(train_, test_, report_.test);
  }

  const std::vector<std::int64_t> source_counts = count_words(source_words_, train_, &PairIds::source);
  const std::vector<std::int64_t> target_counts = count_words(target_words_, train_, &PairIds::target);
  report_.source_seen_once = share_seen_once(source_counts);
  report_.target_seen_once = share_seen_once(target_counts);
  vocabularies_ = known
                      ? *std::move(known)
                      : Vocabularies{most_frequent(source_words_, source_counts, options.min_count, options.max_words),
                                     most_frequent(target_words_, target_counts, options.min_count, options.max_words)};
  source_ids_ = ids_of(source_words_, vocabularies_.source);
  target_ids_ = ids_of(target_words_, vocabularies_.target);

  const std::pair<const PairIds*, SplitReport*> splits[] = {
      {&train_, &report_.train}, {&validation_, &report_.validation}, {&test_, &report_.test}};
  for (const auto& [pairs, report] : splits) {
    report->source = count_unknown(*pairs, &PairIds::source, source_ids_);
    report->target = count_unknown(*pairs, &PairIds::target, target_ids_);
  }
  train_.replace(source_ids_, target_ids_);
  order_.set_size(train_.size());
}

void TextDataset::fill_training_batch(std::uint64_t seed, std::uint64_t step, std::int64_t examples,
                                      Batch& batch) const {
  if (order_.empty()) throw DataError("there are no training data; say with --train where they are");
  batch.clear();
  order_.for_batch(seed, step, examples,
                   [&](std::size_t pair) { batch.append(train_.source(pair), train_.target(pair)); });
}

std::int64_t TextDataset::size(Split split) const { return std::ssize(held_out(split)); }

SequencePair TextDataset::example(Split split, std::int64_t index) const {
  SequencePair pair = held_out(split).pair(static_cast<std::size_t>(index));
  for (std::int32_t& n : pair.source) n = source_ids_[static_cast<std::size_t>(n)];
  for (std::int32_t& n : pair.target) n = target_ids_[static_cast<std::size_t>(n)];
  return pair;
}

std::vector<std::string> TextDataset::source_words(Split split, std::int64_t index) const {
  return spelled(source_words_, held_out(split).source(static_cast<std::size_t>(index)));
}

std::vector<std::string> TextDataset::target_words(Split split, std::int64_t index) const {
  return spelled(target_words_, held_out(split).target(static_cast<std::size_t>(index)));
}

std::string TextDataset::place(Split split, std::int64_t index) const {
  const std::vector<std::int64_t>& lines = split == Split::test ? test_lines_ : validation_lines_;
  return fmt::format("{}:{}", report_.of(split).file.path, lines.at(static_cast<std::size_t>(index)));
}

std::span<const Slice> TextDataset::slices() const {
  static const std::array slices{
      Slice{"source length", [](const SequencePair& pair) { return std::ssize(pair.source); }},
      Slice{"target length", [](const SequencePair& pair) { return std::ssize(pair.target); }}};
  return slices;
}

std::uint64_t TextDataset::digest() const {
  std::uint64_t digest = digest_bytes("text");
  // A list's size goes before it: else a word or a pair could move from one list to the next unseen.
  const auto add_size = [&](std::int64_t size) { digest = digest_bytes(std::to_string(size), digest); };
  for (const auto* vocabulary : {&vocabularies_.source, &vocabularies_.target}) {
    add_size(vocabulary->size());
    for (const std::string& word : vocabulary->words()) digest = digest_bytes(word, digest);
  }
  add_size(std::ssize(train_));
  for (std::size_t i = 0; i < train_.size(); ++i) {
    digest = digest_ids(train_.target(i), digest_ids(train_.source(i), digest));
  }
  for (const Split split : {Split::validation, Split::test}) {
    add_size(size(split));
    for (std::int64_t i = 0; i < size(split); ++i) {
      const SequencePair pair = example(split, i);
      digest = digest_ids(pair.target, digest_ids(pair.source, digest));
    }
  }
  return digest;
}

}  // namespace tapehead
