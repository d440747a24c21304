#include "datasets/readers/text_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/lines.hpp"
#include "autograd/base/text.hpp"
#include "datasets/digest.hpp"
#include "datasets/vocabularies/word_numbers.hpp"

namespace tapehead {
namespace {

constexpr const char* kLineEnd = "\n";

// The tokens of a file as numbers of words.
std::vector<std::int32_t> read_row(const std::string& path, Tokenizer tokenizer, WordNumbers& words) {
  InputFile file(path);
  LineReader reader(file);
  PlainWords split(tokenizer, words);
  std::vector<std::int32_t> numbers;
  for (std::string_view line; reader.next(line);) {
    split.append(line, numbers);
    if (reader.line_was_ended()) numbers.push_back(words.number(kLineEnd));
  }
  if (numbers.empty()) throw DataError(fmt::format("{}: holds no text", path));
  return numbers;
}

// The last `count` tokens of a row, as a row of its own.
TextRow cut_off(TextRow& row, std::int64_t count) {
  const std::int64_t first = row.size() - count;
  TextRow end{.before = row.before_token(first), .file = row.file, .line_end = row.line_end};
  end.first_line = row.first_line + std::count(row.ids.begin(), row.ids.begin() + first, row.line_end);
  end.ids.assign(row.ids.begin() + first, row.ids.end());
  row.ids.resize(static_cast<std::size_t>(first));
  return end;
}

std::int64_t share_of(double share, std::int64_t size) {
  return static_cast<std::int64_t>(share * static_cast<double>(size));
}

std::string unknown_note(const TextRow& row, const char* tokens) {
  const std::int64_t unknown = std::ranges::count(row.ids, static_cast<std::int32_t>(kUnknown));
  if (unknown == 0) return {};
  return fmt::format("{}: {} of {} {} are unknown, and nothing said for them is right", row.file, unknown, row.size(),
                     tokens);
}

}  // namespace

void PlainWords::append(std::string_view line, std::vector<std::int32_t>& numbers) {
  if (tokenizer_ == Tokenizer::characters) {
    for (const std::string_view token : exact_characters(line)) numbers.push_back(words_.number(token));
  } else {
    for (const std::string_view token : split_(line)) numbers.push_back(words_.number(token));
  }
}

std::string TextRow::place(std::int64_t i) const {
  return fmt::format("{}:{}", file, first_line + std::count(ids.begin(), ids.begin() + i, line_end));
}

void check(const std::string& task, const PlainTextOptions& plain, const TextOptions& options, bool words_are_known) {
  check(plain);
  if (plain.text.empty() && !words_are_known) {
    throw ConfigError(fmt::format("text: a file of text is needed for {}", task));
  }
  if (options.max_length < 1) {
    throw ConfigError(fmt::format("max-length: must be at least 1, not {}", options.max_length));
  }
}

Vocabulary vocabulary_of(const WordNumbers& words, std::span<const std::int32_t> numbers, const TextOptions& options,
                         const std::vector<std::string>& more_words) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(words.size()));
  for (const std::int32_t number : numbers) ++counts[static_cast<std::size_t>(number)];
  const Vocabulary frequent = most_frequent(words, counts, options.min_count, options.max_words);
  std::vector<std::string> known(frequent.words().begin(), frequent.words().end());
  known.insert(known.end(), more_words.begin(), more_words.end());
  return Vocabulary(std::move(known));
}

TextRows::TextRows(const std::string& task, const PlainTextOptions& plain, const TextOptions& options,
                   std::optional<Vocabularies> known, const std::vector<std::string>& more_words)
    : tokenizer_(options.tokenizer), added_words_(more_words.size()) {
  check(task, plain, options, known.has_value());
  WordNumbers words;
  const std::int32_t line_end = words.number(kLineEnd);
  const auto read = [&](const std::string& path) {
    TextRow row{.file = path, .line_end = line_end};
    if (!path.empty()) row.ids = read_row(path, tokenizer_, words);
    return row;
  };
  train_ = read(plain.text);
  validation_ = read(options.valid);
  test_ = read(options.test);
  const bool cut = options.valid.empty() && options.test.empty();
  if (cut) {
    const std::int64_t size = train_.size();
    test_ = cut_off(train_, share_of(plain.test_share, size));
    validation_ = cut_off(train_, share_of(plain.validation_share, size));
  }
  vocabulary_ = known ? std::move(known->target) : vocabulary_of(words, train_.ids, options, more_words);
  std::vector<std::int32_t> id_of;
  for (std::int32_t n = 0; n < words.size(); ++n) id_of.push_back(vocabulary_.id(words.word(n)));
  const auto to_id = [&](std::int32_t& number) { number = id_of[static_cast<std::size_t>(number)]; };
  for (TextRow* row : {&train_, &validation_, &test_}) {
    std::ranges::for_each(row->ids, to_id);
    to_id(row->line_end);
    if (cut && row != &train_) to_id(row->before);
  }
}

std::vector<std::string> TextRows::notes() const {
  const char* tokens = in_characters() ? "characters" : "words and ends of lines";
  std::vector<std::string> notes;
  if (train_.size() > 0) {
    notes.push_back(fmt::format("{} {} to train on, {} of them different; {} for validation, {} for the test",
                                train_.size(), tokens, vocabulary_.words().size() - added_words_, validation_.size(),
                                test_.size()));
  }
  for (const TextRow* row : {&validation_, &test_}) {
    if (std::string note = unknown_note(*row, tokens); !note.empty()) notes.push_back(std::move(note));
  }
  return notes;
}

std::uint64_t TextRows::digest(std::uint64_t seed) const {
  std::uint64_t digest = seed;
  for (const std::string& word : vocabulary_.words()) digest = digest_bytes(word + "\n", digest);
  for (const TextRow* row : {&train_, &validation_, &test_}) {
    digest = digest_bytes(fmt::format("{} {}", row->size(), row->before), digest);
    digest = digest_ids(row->ids, digest);
  }
  return digest;
}

LineFormat row_lines(Tokenizer tokenizer) {
  const auto words = [tokenizer](const std::string& line) -> std::vector<std::string> {
    if (line.empty()) return {kLineEnd};
    const std::string composed = to_nfc(line);
    if (tokenizer == Tokenizer::words) return tokenize(composed, tokenizer);
    const auto characters = exact_characters(composed);
    return {characters.begin(), characters.end()};
  };
  const auto line = [tokenizer](std::span<const std::string> text) {
    if (tokenizer == Tokenizer::characters) return detokenize(text, tokenizer);
    std::string lines;
    for (auto at = text.begin(); at != text.end();) {
      const auto end = std::find(at, text.end(), kLineEnd);
      lines += detokenize({at, end}, tokenizer);
      if (end == text.end()) break;
      lines += kLineEnd;
      at = end + 1;
    }
    return lines;
  };
  return {.words = words, .line = line};
}

}  // namespace tapehead
