#include "datasets/readers/lines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_set>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/lines.hpp"
#include "datasets/digest.hpp"
#include "datasets/readers/text_rows.hpp"
#include "datasets/source.hpp"
#include "datasets/vocabularies/word_numbers.hpp"

namespace tapehead {
namespace {

constexpr const char* kTask = "lines";
constexpr std::int64_t kUsualLength = 250;
constexpr std::uint64_t kSplitSeed = 20;  // of the hash that says which split a line belongs to

// A number in [0, 1) that follows from the line alone.
double place_of(std::string_view line) {
  constexpr double kAll = 1.0 / (std::uint64_t{1} << 53U);
  return static_cast<double>(digest_bytes(line, kSplitSeed) >> 11U) * kAll;
}

}  // namespace

DataSource reader_lines() {
  const auto open = [](const DataOptions& options, std::optional<Vocabularies> known) {
    return std::make_unique<LinesDataset>(options.plain, options.text, std::move(known));
  };
  const auto lines = [](const DataOptions& options) {
    LineFormat format = text_lines(options.text.tokenizer);
    if (options.text.tokenizer == Tokenizer::characters) format = row_lines(options.text.tokenizer);
    format.words = [plain = format.words](const std::string& line) {
      return line.empty() ? std::vector<std::string>() : plain(line);
    };
    return format;
  };
  return {.name = kTask,
          .description = "lines of a file (--text), each by itself: names, words",
          .file_option = "text",
          .usual_tokenizer = "char",
          .line_is = LineRole::beginning,
          .open = open,
          .lines = lines,
          .usual_length = [](const DataOptions&) { return kUsualLength; }};
}

std::span<const std::int32_t> LinesDataset::Lines::operator[](std::int64_t i) const {
  const auto first = static_cast<std::size_t>(starts[static_cast<std::size_t>(i)]);
  return std::span(ids).subspan(first, static_cast<std::size_t>(starts[static_cast<std::size_t>(i) + 1]) - first);
}

void LinesDataset::Lines::add(std::span<const std::int32_t> line, std::int64_t number) {
  ids.insert(ids.end(), line.begin(), line.end());
  starts.push_back(std::ssize(ids));
  numbers.push_back(number);
}

LinesDataset::LinesDataset(const PlainTextOptions& plain, const TextOptions& options, std::optional<Vocabularies> known)
    : tokenizer_(options.tokenizer) {
  check(kTask, plain, options, known.has_value());
  const bool cut = options.valid.empty() && options.test.empty();
  WordNumbers words;
  std::unordered_set<std::uint64_t> in_training;  // XXH3 of 64 bits: of a million lines none meet by chance
  std::vector<std::int32_t> numbers;
  // Each line goes to the split that `split_of` says.
  const auto read = [&](const std::string& path, const auto& split_of) {
    if (path.empty()) return;
    Found& found = found_.emplace_back(Found{.file = path});
    InputFile file(path);
    LineReader reader(file);
    PlainWords split(tokenizer_, words);
    std::unordered_set<std::uint64_t> seen;
    for (std::string_view line; reader.next(line);) {
      if (is_blank(line)) {
        ++found.blank;
        continue;
      }
      ++found.lines;
      if (!seen.insert(digest_bytes(line)).second) {
        ++found.repeats;
        continue;
      }
      numbers.clear();
      split.append(line, numbers);
      Lines& lines = split_of(line);
      if (&lines == &train_) {
        in_training.insert(digest_bytes(line));
      } else {
        found.in_training += in_training.contains(digest_bytes(line));
      }
      if (std::ssize(numbers) <= options.max_length) {
        shape_.target = std::max(shape_.target, std::ssize(numbers));
      } else if (&lines == &train_) {
        ++found.too_long;
        continue;
      }
      lines.add(numbers, reader.number());
      lines.file = path;
    }
    if (found.lines == 0) throw DataError(fmt::format("{}: holds no line of text", path));
  };
  read(plain.text, [&](std::string_view line) -> Lines& {
    const double place = cut ? place_of(line) : 1;
    if (place < plain.test_share) return test_;
    return place < plain.test_share + plain.validation_share ? validation_ : train_;
  });
  read(options.valid, [&](std::string_view) -> Lines& { return validation_; });
  read(options.test, [&](std::string_view) -> Lines& { return test_; });
  if (!plain.text.empty() && train_.ids.empty()) {
    throw DataError(
        fmt::format("{}: no line is left to train on; raise max-length, or lower the shares that are held "
                    "out",
                    plain.text));
  }
  vocabulary_ = known ? std::move(known->target) : vocabulary_of(words, train_.ids, options);
  for (Lines* lines : {&train_, &validation_, &test_}) {
    for (std::int32_t& id : lines->ids) id = vocabulary_.id(words.word(id));
  }
  order_.set_size(train_.numbers.size());
}

void LinesDataset::fill_training_batch(std::uint64_t seed, std::uint64_t step, std::int64_t examples,
                                       Batch& batch) const {
  if (order_.empty()) throw DataError("there are no training data; say with --text where they are");
  batch.clear();
  order_.for_batch(seed, step, examples,
                   [&](std::size_t line) { batch.append({.target = train_[static_cast<std::int64_t>(line)]}); });
}

SequencePair LinesDataset::example(Split split, std::int64_t index) const {
  const auto line = held_out(split)[index];
  return {.target = {line.begin(), line.end()}};
}

std::string LinesDataset::place(Split split, std::int64_t index) const {
  const Lines& lines = held_out(split);
  return fmt::format("{}:{}", lines.file, lines.numbers[static_cast<std::size_t>(index)]);
}

const std::string& LinesDataset::headline() const {
  static const std::string bits = "bits_per_character";
  static const std::string perplexity = "perplexity";
  return counts_characters() ? bits : perplexity;
}

std::span<const Slice> LinesDataset::slices() const {
  static const std::array<Slice, 1> by_length{
      {{"length", [](const SequencePair& line) { return std::ssize(line.target); }}}};
  return by_length;
}

std::vector<std::string> LinesDataset::notes() const {
  std::vector<std::string> notes;
  const char* token = counts_characters() ? "character" : "word";
  if (!train_.numbers.empty()) {
    notes.push_back(fmt::format("{} to train on, of {}; {} for validation, {} for the test",
                                counted(train_.numbers.size(), "line"),
                                counted(vocabulary_.words().size(), std::string("different ") + token),
                                size(Split::validation), size(Split::test)));
  }
  for (const Found& found : found_) {
    const auto note = [&](std::int64_t count, const char* what) {
      if (count > 0)
        notes.push_back(fmt::format("{}: {} of {} {}", found.file, count, counted(found.lines, "line"), what));
    };
    note(found.repeats, "stand there before, and are taken once");
    note(found.too_long, "are longer than max-length, and not trained on");
    note(found.in_training, "stand in the training text too");
  }
  for (const Lines* lines : {&validation_, &test_}) {
    const std::int64_t unknown = std::ranges::count(lines->ids, static_cast<std::int32_t>(kUnknown));
    if (unknown > 0) {
      notes.push_back(fmt::format("{}: {} of {} are unknown, and nothing said for them is right", lines->file, unknown,
                                  counted(lines->ids.size(), token)));
    }
  }
  return notes;
}

std::uint64_t LinesDataset::digest() const {
  std::uint64_t digest = digest_bytes(kTask);
  for (const std::string& word : vocabulary_.words()) digest = digest_bytes(word + "\n", digest);
  for (const Lines* lines : {&train_, &validation_, &test_}) {
    digest = digest_bytes(fmt::format("{}", lines->numbers.size()), digest);
    for (std::int64_t i = 0; i + 1 < std::ssize(lines->starts); ++i) digest = digest_ids((*lines)[i], digest);
  }
  return digest;
}

}  // namespace tapehead
