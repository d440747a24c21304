#include "datasets/readers/plain_text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
#include "datasets/digest.hpp"
#include "datasets/source.hpp"

namespace tapehead {
namespace {

constexpr const char* kTask = "plain-text";
constexpr std::int64_t kUsualLength = 64;

}  // namespace

DataSource reader_plain_text() {
  const auto open = [](const DataOptions& options, std::optional<Vocabularies> known) {
    return std::make_unique<PlainTextDataset>(options.plain, options.text, std::move(known));
  };
  return {.name = kTask,
          .description = "plain text from a file (--text), of which the next character or word is to be said",
          .file_option = "text",
          .usual_tokenizer = "char",
          .line_is = LineRole::excerpt,
          .open = open,
          .lines = [](const DataOptions& options) { return row_lines(options.text.tokenizer); },
          .usual_length = [](const DataOptions&) { return kUsualLength; }};
}

PlainTextDataset::PlainTextDataset(const PlainTextOptions& plain, const TextOptions& options,
                                   std::optional<Vocabularies> known)
    : rows_(kTask, plain, options, std::move(known)),
      length_(options.max_length),
      stride_(plain.stride > 0 ? plain.stride : options.max_length),
      shape_{.data = "task plain-text", .has_source = false, .ends = false, .target = options.max_length} {
  if (stride_ > length_) {
    throw ConfigError(fmt::format("stride: {} would leave tokens out between windows of {}; take max-length at most",
                                  stride_, length_));
  }
  if (const std::int64_t size = rows_.train().size(); !plain.text.empty() && size < length_) {
    throw DataError(fmt::format("{}: {} to train on are fewer than a window of {}; lower max-length", plain.text,
                                counted(size, "token"), length_));
  }
}

void PlainTextDataset::fill_training_batch(std::uint64_t seed, std::uint64_t step, std::int64_t examples,
                                           Batch& batch) const {
  const TextRow& row = rows_.train();
  if (row.size() == 0) throw DataError("there are no training data; say with --text where they are");
  const RandomStream random(seed, Purpose::training_data, step);
  const auto places = static_cast<std::uint64_t>(row.size() - length_ + 1);
  batch.clear();
  for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(examples); ++i) {
    const auto first = static_cast<std::int64_t>(random.below(places, i));
    batch.append({.target = row.part(first, first + length_), .before = row.before_token(first)});
  }
}

std::int64_t PlainTextDataset::size(Split split) const {
  return (rows_.held_out(split).size() + stride_ - 1) / stride_;
}

SequencePair PlainTextDataset::example(Split split, std::int64_t index) const {
  const TextRow& row = rows_.held_out(split);
  const std::int64_t counted = index * stride_;
  const std::int64_t first = std::max<std::int64_t>(counted + stride_ - length_, 0);
  const auto target = row.part(first, std::min(counted + stride_, row.size()));
  SequencePair example{.target = {target.begin(), target.end()}, .before = row.before_token(first)};
  if (first < counted) {
    example.marks.assign(target.size(), 1);
    std::fill_n(example.marks.begin(), counted - first, std::uint8_t{0});
  }
  return example;
}

std::string PlainTextDataset::place(Split split, std::int64_t index) const {
  return rows_.held_out(split).place(index * stride_);
}

std::int64_t PlainTextDataset::characters(const ExampleView& example) const {
  return example.marks.empty() ? std::ssize(example.target) : std::ranges::count(example.marks, std::uint8_t{1});
}

const std::string& PlainTextDataset::headline() const {
  static const std::string bits = "bits_per_character";
  static const std::string perplexity = "perplexity";
  return rows_.in_characters() ? bits : perplexity;
}

std::vector<std::string> PlainTextDataset::notes() const {
  std::vector<std::string> notes = rows_.notes();
  if (size(Split::validation) + size(Split::test) == 0) return notes;
  notes.push_back(stride_ == length_
                      ? fmt::format("held-out text is judged in windows of {}: each token once, after those before it "
                                    "in its window",
                                    length_)
                      : fmt::format("held-out text is judged in windows of {} that move on by {}: each token once, "
                                    "after {} at least, but at the beginning",
                                    length_, stride_, length_ - stride_));
  return notes;
}

std::uint64_t PlainTextDataset::digest() const {
  return rows_.digest(digest_bytes(fmt::format("{} {} {}", kTask, length_, stride_)));
}

}  // namespace tapehead
