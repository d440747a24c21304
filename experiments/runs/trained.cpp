#include "experiments/runs/trained.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/file.hpp"
#include "datasets/batch.hpp"
#include "experiments/options/conditions.hpp"
#include "experiments/report/figures.hpp"
#include "experiments/runs/run.hpp"
#include "layers/models/spec.hpp"

namespace tapehead {
namespace {

Vocabulary vocabulary_of(const CheckpointReader& reader, const std::vector<std::string>& words) {
  try {
    return Vocabulary(words);
  } catch (const DataError& error) {
    throw CheckpointError(fmt::format("checkpoint: {} (reading {})", error.what(), reader.path()));
  }
}

}  // namespace

std::vector<std::string> Trained::unknown_words(const std::string& line) const {
  std::vector<std::string> unknown;
  for (std::string& word : lines().words(line)) {
    if (source.id(word) == kUnknown && std::ranges::find(unknown, word) == unknown.end()) {
      unknown.push_back(std::move(word));
    }
  }
  return unknown;
}

std::vector<std::int32_t> Trained::encode(const std::string& line) const {
  std::vector<std::int32_t> ids = tapehead::encode(lines(), source, line);
  if (data_source().line_is == LineRole::beginning) ids.insert(ids.begin(), kStart);
  if (data_source().line_is != LineRole::question) return ids;
  const BatchLayout layout = model.reads_source() ? BatchLayout::encoder_decoder : BatchLayout::decoder_only;
  const std::int64_t needed = positions_needed(layout, {.source = std::ssize(ids)});
  if (needed > config.model.max_positions) {
    const bool recurrent = model_spec(config.model.model).kind == ModelKind::recurrent;
    throw DataError(
        fmt::format("{} need{} {}, but the model has {}; give fewer, or train with --max-positions {}{}",
                    counted(ids.size(), "token"), ids.size() == 1 ? "s" : "", counted(needed, "position"),
                    config.model.max_positions, needed,
                    recurrent ? ", which a recurrent model needs no new weights for: take these by --init" : ""));
  }
  return ids;
}

SequencePair Trained::question(const std::string& line) const {
  const LineFormat format = lines();
  if (!format.features) return {.source = encode(line)};
  if (line.find_first_not_of(" \t") == std::string::npos) return {};
  return {.features = format.features(line)};
}

std::string Trained::answer(std::vector<std::string> question, const std::vector<std::int32_t>& target_ids) const {
  const LineFormat format = lines();
  const std::vector<std::string> said = target.words_of(target_ids);
  return format.line(format.filled_in ? format.filled_in(std::move(question), said) : said);
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
  if (config.source->shape) fit_to_features(config.model, config.source->shape(config.data));
  Model model(config.model);
  reader->require_parameters(model.layout());
  return {std::move(reader), std::move(settings), std::move(config),
          std::move(source), std::move(target),   std::move(model)};
}

std::string choice_of_weights(const std::string& subject, const Trained& opened) {
  if (opened.reader->path() == subject || opened.reader->path() != best_in(subject)) return {};
  return fmt::format("{}: the weights of step {}, which had the {}; for the last ones name {}", opened.reader->path(),
                     opened.reader->meta().step, best_by(opened.config.trainer.best_metric), checkpoint_in(subject));
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
  const DataSource& source = trained.data_source();
  DataOptions data = trained.config.data;
  const auto take = [&]<class Part>(Part& part) {
    for (const Field<Part>& field : Part::fields()) {
      if (field.borrowed || !given.given(field.option.name)) continue;
      if (!applies(trained.settings, field.option)) {
        throw ConfigError(fmt::format("--{}: {}", field.option.name, why_useless(trained.settings, field.option)));
      }
      read_field(field, part, given);
    }
  };
  take(data.text);
  take(data.plain);
  // The words are the checkpoint's, whatever a training file holds by now.
  const auto open = [&] { return source.open(data, Vocabularies{trained.source, trained.target}); };
  try {
    return open();
  } catch (const Error& error) {
    std::string& training = source.file_option == "text" ? data.plain.text : data.text.train;
    const bool cut_out = source.file_option == "text" && data.text.valid.empty() && data.text.test.empty();
    if (needed == NeededData::training || training.empty() || cut_out) throw;
    const std::string why = error.what();
    training.clear();
    std::unique_ptr<Dataset> held_out = open();  // throws where it was a held-out file that could not be read
    warning =
        fmt::format("the training file cannot be read ({}): whether held-out pairs stand in it is not known", why);
    return held_out;
  }
}

}  // namespace tapehead
