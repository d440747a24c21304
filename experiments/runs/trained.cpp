#include "experiments/runs/trained.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/file.hpp"
#include "autograd/base/text.hpp"
#include "datasets/batch.hpp"
#include "datasets/vocabularies/tokenizer.hpp"
#include "experiments/options/conditions.hpp"
#include "experiments/runs/run.hpp"

namespace tapehead {
namespace {

std::vector<std::string> split_at_spaces(const std::string& line) {
  std::vector<std::string> words;
  std::istringstream in(line);
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

Vocabulary vocabulary_of(const CheckpointReader& reader, const std::vector<std::string>& words) {
  try {
    return Vocabulary(words);
  } catch (const DataError& error) {
    throw CheckpointError(fmt::format("checkpoint: {} (reading {})", error.what(), reader.path()));
  }
}

}  // namespace

std::vector<std::string> Trained::words_of(const std::string& line) const {
  return text_task() ? tokenize(to_nfc(line), config.text.tokenizer) : split_at_spaces(line);
}

std::vector<std::string> Trained::unknown_words(const std::string& line) const {
  std::vector<std::string> unknown;
  for (std::string& word : words_of(line)) {
    if (source.id(word) == kUnknown && std::ranges::find(unknown, word) == unknown.end()) {
      unknown.push_back(std::move(word));
    }
  }
  return unknown;
}

std::vector<std::int32_t> Trained::encode(const std::string& line) const {
  if (!is_utf8(line)) throw DataError("the line is not UTF-8");
  // A tab ends the source in a file of pairs: what stands behind it would be read as more of it.
  if (text_task() && line.find('\t') != std::string::npos) {
    throw DataError("the line holds a tab; give the source alone (cut -f1 takes it out of a file of pairs)");
  }
  const std::vector<std::string> words = words_of(line);
  std::vector<std::int32_t> ids = source.ids(words);
  for (std::size_t i = 0; !text_task() && i < ids.size(); ++i) {
    if (ids[i] == kUnknown) throw DataError(fmt::format("\"{}\" is no symbol that the model knows", words[i]));
  }
  const BatchLayout layout = model.reads_source() ? BatchLayout::encoder_decoder : BatchLayout::decoder_only;
  const std::int64_t needed = positions_needed(layout, std::ssize(ids), 0);
  if (needed > config.model.max_positions) {
    throw DataError(fmt::format("{} need{} {}, but the model has {}", counted(ids.size(), "token"),
                                ids.size() == 1 ? "s" : "", counted(needed, "position"), config.model.max_positions));
  }
  return ids;
}

std::string Trained::join(const Vocabulary& vocabulary, const std::vector<std::int32_t>& ids) const {
  return spelled(vocabulary.words_of(ids));
}

std::string Trained::spelled(const std::vector<std::string>& words) const {
  if (text_task()) return detokenize(words, config.text.tokenizer);
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

Trained open_trained(const std::string& subject) {
  return open_trained(std::make_unique<CheckpointReader>(checkpoint_of(subject)));
}

Trained open_trained(std::unique_ptr<CheckpointReader> reader) {
  Settings settings;
  settings.read_config(reader->meta().config, Origin::saved, reader->path() + ": config");
  settle(settings);
  RunConfig config = make_run_config(settings);
  Vocabulary source = vocabulary_of(*reader, reader->meta().source_vocabulary);
  Vocabulary target = vocabulary_of(*reader, reader->meta().target_vocabulary);
  config.model.source_vocabulary = source.size();
  config.model.target_vocabulary = target.size();
  Model model(config.model);
  reader->require_parameters(model.layout());
  return {std::move(reader), std::move(settings), std::move(config),
          std::move(source), std::move(target),   std::move(model)};
}

std::string choice_of_weights(const std::string& subject, const Trained& opened) {
  if (opened.reader->path() == subject || opened.reader->path() != best_in(subject)) return {};
  return fmt::format("{}: the weights of step {}, which had the lowest validation loss; for the last ones name {}",
                     opened.reader->path(), opened.reader->meta().step, checkpoint_in(subject));
}

std::optional<Trained> last_weights(const std::string& subject, const Trained& opened) {
  if (opened.reader->path() == subject || opened.reader->path() != best_in(subject)) return std::nullopt;
  if (!file_exists(checkpoint_in(subject))) return std::nullopt;  // stopped before it was written
  Trained last = open_trained(checkpoint_in(subject));
  const auto& numbers = last.reader->meta().numbers;
  const auto kept =
      static_cast<std::uint64_t>(counter_in(numbers, numbers.contains("kept_step") ? "kept_step" : "best_step"));
  const std::uint64_t best = opened.reader->meta().step;
  if (best == last.reader->meta().step) return std::nullopt;
  // A run that was killed may have kept a later best than its last checkpoint knows of.
  if (best != kept && best < last.reader->meta().step) {
    throw CheckpointError(
        fmt::format("{}: holds step {}, but the best of the run in {} was step {}; name the file that you mean",
                    opened.reader->path(), best, checkpoint_in(subject), kept));
  }
  return last;
}

std::unique_ptr<Dataset> data_of(const Trained& trained, const Settings& given, NeededData needed,
                                 std::string& warning) {
  RunConfig config = trained.config;
  for (const Field<TextOptions>& field : TextOptions::fields()) {
    const std::string_view name = field.option.name;
    if (field.borrowed || !given.given(name)) continue;
    if (!trained.text_task()) {
      throw ConfigError(fmt::format("--{}: {}", name, why_useless(trained.settings, field.option)));
    }
    read_field(field, config.text, given);
  }
  if (!trained.text_task()) {
    std::unique_ptr<Dataset> made = make_dataset(config);
    const auto same = [](const Vocabulary& a, const Vocabulary& b) { return std::ranges::equal(a.words(), b.words()); };
    if (!same(made->source_vocabulary(), trained.source) || !same(made->target_vocabulary(), trained.target)) {
      throw DataError(fmt::format("task {}: its words are not those that the model was trained with", config.task));
    }
    return made;
  }
  // The words are the checkpoint's, whatever the training file holds by now.
  const auto read = [&] {
    return std::make_unique<TextDataset>(config.text, Vocabularies{trained.source, trained.target});
  };
  try {
    return read();
  } catch (const Error& error) {
    if (needed == NeededData::training) throw;
    const std::string why = error.what();
    config.text.train.clear();
    std::unique_ptr<Dataset> held_out = read();  // throws where it was a held-out file that could not be read
    warning =
        fmt::format("the training file cannot be read ({}): whether held-out pairs stand in it is not known", why);
    return held_out;
  }
}

}  // namespace tapehead
