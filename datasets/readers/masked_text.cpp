#include "datasets/readers/masked_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "autograd/base/errors.hpp"
#include "datasets/digest.hpp"
#include "datasets/source.hpp"

namespace tapehead {
namespace {

constexpr const char* kTask = "masked-text";
constexpr std::int64_t kUsualLength = 64;

// Coordinates of the random numbers of one token.
enum Draw : std::uint32_t { kChosen, kShown, kWord };

// Tokens that spell a mask become one.
std::vector<std::string> with_masks(std::vector<std::string> tokens) {
  std::vector<std::string> joined;
  for (std::size_t i = 0; i < tokens.size();) {
    std::string spelled;
    std::size_t end = i;
    while (end < tokens.size() && spelled != kMask && std::string_view(kMask).starts_with(spelled + tokens[end])) {
      spelled += tokens[end++];
    }
    if (spelled == kMask) {
      joined.push_back(std::move(spelled));
      i = end;
    } else {
      joined.push_back(std::move(tokens[i++]));
    }
  }
  return joined;
}

}  // namespace

DataSource reader_masked_text() {
  const auto open = [](const DataOptions& options, std::optional<Vocabularies> known) {
    return std::make_unique<MaskedTextDataset>(options.plain, options.text, options.masking, std::move(known));
  };
  const auto lines = [](const DataOptions& options) {
    LineFormat format = row_lines(options.text.tokenizer);
    format.words = [plain = format.words](const std::string& line) { return with_masks(plain(line)); };
    // What is not hidden stays as it was written.
    format.filled_in = [](std::vector<std::string> question, const std::vector<std::string>& answer) {
      for (std::size_t i = 0; i < std::min(question.size(), answer.size()); ++i) {
        if (question[i] == kMask) question[i] = answer[i];
      }
      return question;
    };
    return format;
  };
  return {.name = kTask,
          .description = "plain text from a file (--text), of which hidden tokens are to be guessed",
          .file_option = "text",
          .usual_tokenizer = "char",
          .open = open,
          .lines = lines,
          .usual_length = [](const DataOptions&) { return kUsualLength; }};
}

MaskedTextDataset::MaskedTextDataset(const PlainTextOptions& plain, const TextOptions& options,
                                     const MaskingOptions& masking, std::optional<Vocabularies> known)
    : masking_(masking), rows_(kTask, plain, options, std::move(known), {kMask}), length_(options.max_length) {
  check(masking);
  mask_ = rows_.vocabulary().id(kMask);
  if (mask_ == kUnknown) {
    throw DataError(fmt::format("task masked-text: the model was trained with words that have no {}", kMask));
  }
  for (const TextRow* row : {&rows_.train(), &rows_.held_out(Split::validation), &rows_.held_out(Split::test)}) {
    shape_.source = std::max(shape_.source, std::min(row->size(), length_));
  }
  shape_.target = shape_.source;
  order_.set_size(static_cast<std::size_t>(pieces(rows_.train())));
}

std::int64_t MaskedTextDataset::pieces(const TextRow& row) const { return (row.size() + length_ - 1) / length_; }

std::span<const std::int32_t> MaskedTextDataset::piece(const TextRow& row, std::int64_t i) const {
  return row.part(i * length_, std::min((i + 1) * length_, row.size()));
}

void MaskedTextDataset::write(std::span<const std::int32_t> piece, const RandomStream& random, std::uint32_t number,
                              ExampleWriter& out) const {
  out.clear();
  const std::span<std::int32_t> source = out.source(std::ssize(piece));
  std::ranges::copy(piece, source.begin());
  std::ranges::copy(piece, out.target(std::ssize(piece)).begin());
  const std::span<std::uint8_t> marks = out.marks();
  std::ranges::fill(marks, std::uint8_t{0});
  const auto choose = [&](std::uint32_t t) {
    marks[t] = 1;
    const double shown = random.uniform(number, t, kShown);
    if (shown < masking_.hidden) {
      source[t] = mask_;
    } else if (shown < masking_.hidden + masking_.random) {
      const auto count = static_cast<std::uint64_t>(mask_ - kFirstFreeId);
      source[t] =
          kFirstFreeId + static_cast<std::int32_t>(random.below(std::max<std::uint64_t>(count, 1), number, t, kWord));
    }
  };
  double least = 1;
  std::uint32_t first = 0;  // to be chosen: where the least number was drawn
  for (std::uint32_t t = 0; t < piece.size(); ++t) {
    const double drawn = random.uniform(number, t, kChosen);
    if (drawn < masking_.share) choose(t);
    if (drawn < least) first = t;
    least = std::min(least, drawn);
  }
  if (least >= masking_.share) choose(first);
}

void MaskedTextDataset::fill_training_batch(std::uint64_t seed, std::uint64_t step, std::int64_t examples,
                                            Batch& batch) const {
  if (order_.empty()) throw DataError("there are no training data; say with --text where they are");
  const RandomStream random(seed, Purpose::training_data, step);
  batch.clear();
  std::uint32_t number = 0;
  order_.for_batch(seed, step, examples, [&](std::size_t at) {
    write(piece(rows_.train(), static_cast<std::int64_t>(at)), random, number++, batch.writer());
    batch.append(batch.writer().view());
  });
}

SequencePair MaskedTextDataset::example(Split split, std::int64_t index) const {
  // Each split has a seed of its own.
  const RandomStream random(split == Split::test ? 1 : 0, Purpose::held_out_data, 0);
  ExampleWriter out(shape_);
  write(piece(rows_.held_out(split), index), random, static_cast<std::uint32_t>(index), out);
  return stored(out.view());
}

const std::string& MaskedTextDataset::headline() const {
  static const std::string name = "token_accuracy";
  return name;
}

// What saying the most frequent training token everywhere is worth, and what the frequencies alone are.
std::string MaskedTextDataset::baseline() const {
  const std::vector<std::int32_t>& trained = rows_.train().ids;
  const Split split = size(Split::validation) > 0 ? Split::validation : Split::test;
  if (trained.empty() || size(split) == 0) return {};
  std::vector<double> counts(static_cast<std::size_t>(rows_.vocabulary().size()));
  for (const std::int32_t id : trained) ++counts[static_cast<std::size_t>(id)];
  const auto likeliest = static_cast<std::int32_t>(std::ranges::max_element(counts) - counts.begin());
  double asked = 0, right = 0, loss = 0, known = 0;
  for (std::int64_t i = 0; i < size(split); ++i) {
    const SequencePair pair = example(split, i);
    for (std::size_t t = 0; t < pair.target.size(); ++t) {
      if (pair.marks[t] == 0) continue;
      ++asked;
      right += pair.target[t] == likeliest ? 1 : 0;
      const double seen = counts[static_cast<std::size_t>(pair.target[t])];
      if (seen == 0 || pair.target[t] == kUnknown) continue;
      loss -= std::log(seen / static_cast<double>(trained.size()));
      ++known;
    }
  }
  return fmt::format(
      "by frequency alone, \"{}\" everywhere, {} accuracy at hidden tokens is {:.4f}, and the loss there {:.4f}",
      rows_.vocabulary().word(likeliest), name_of(split), right / asked, loss / std::max(known, 1.0));
}

std::vector<std::string> MaskedTextDataset::notes() const {
  std::vector<std::string> notes = rows_.notes();
  if (std::string baseline_note = baseline(); !baseline_note.empty()) notes.push_back(std::move(baseline_note));
  return notes;
}

std::string MaskedTextDataset::place(Split split, std::int64_t index) const {
  return rows_.held_out(split).place(index * length_);
}

std::uint64_t MaskedTextDataset::digest() const {
  std::uint64_t digest = digest_bytes(fmt::format("{} {}", kTask, length_));
  for (const double number : {masking_.share, masking_.hidden, masking_.random}) {
    digest = digest_bytes(canonical_text(number), digest);
  }
  return rows_.digest(digest);
}

}  // namespace tapehead
