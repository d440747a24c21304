#include "experiments/runs/initial_weights.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "autograd/base/errors.hpp"
#include "trainers/checkpoint/checkpoint.hpp"

namespace tapehead {
namespace {

// For each word of the data the number that the saved model knows it by, reserved ones included; nothing for new words.
struct WordMatch {
  std::vector<std::optional<std::int64_t>> saved_id;
  std::int64_t saved_size = 0;
  std::int64_t new_words = 0;
  std::string first_new;
  std::int64_t left_out = 0;  // words of the saved model that the data lack

  bool same_words() const { return new_words == 0 && left_out == 0; }
  bool same_order() const {
    for (std::size_t i = 0; i < saved_id.size(); ++i) {
      if (saved_id[i] != static_cast<std::int64_t>(i)) return false;
    }
    return same_words();
  }
};

WordMatch match_words(const Vocabulary& data, const std::vector<std::string>& saved, const std::string& path) {
  const Vocabulary known = [&] {
    try {
      return Vocabulary(saved);
    } catch (const DataError& error) {
      throw CheckpointError(fmt::format("checkpoint: {} (reading {})", error.what(), path));
    }
  }();
  WordMatch match;
  match.saved_size = known.size();
  for (std::int64_t id = 0; id < kFirstFreeId; ++id) match.saved_id.emplace_back(id);
  for (const std::string& word : data.words()) {
    const std::int32_t id = known.id(word);
    match.saved_id.emplace_back(id == kUnknown ? std::nullopt : std::optional<std::int64_t>(id));
    if (id != kUnknown) continue;
    if (match.new_words++ == 0) match.first_new = word;
  }
  match.left_out = std::ssize(saved) - (std::ssize(data.words()) - match.new_words);
  return match;
}

// `d-head` 0 is the width that d-model leaves each head, and `embedding-scale` auto follows from the law that weights
// were drawn by: the same whether it is said or not.
std::string meaning_of(const OptionSpec& option, const Settings& settings) {
  const std::string& text = settings.text(option.name);
  if (text.empty()) return "\"\"";
  if (option.name == "embedding-scale") return embedding_scale(text, settings.text("initialisation"));
  if (option.name != "d-head" || text != "0") return text;
  return std::to_string(settings.integer("d-model") / settings.integer("heads"));
}

// Whether the saved weights have the shapes of this run's model, but for the words.
bool shapes_agree(const Run& run, const CheckpointReader& reader) {
  ModelConfig config = run.config.model;
  config.target_vocabulary = kFirstFreeId + std::ssize(reader.meta().target_vocabulary);
  config.source_vocabulary =
      run.model.reads_source() ? kFirstFreeId + std::ssize(reader.meta().source_vocabulary) : config.target_vocabulary;
  try {
    reader.require_parameters(Model(config).layout());
    return true;
  } catch (const Error&) {
    return false;
  }
}

void require_same_meaning(const Run& run, const CheckpointReader& reader) {
  Settings saved;
  saved.read_config(reader.meta().config, Origin::saved, reader.path() + ": config");
  for (const OptionSpec& option : option_table()) {
    if (!option.gives_weights_meaning) continue;
    const bool follows = option.name == "embedding-scale";  // from the law, where both say auto
    if (!follows && saved.text(option.name) == run.settings.text(option.name)) continue;
    const std::string then = meaning_of(option, saved);
    const std::string now = meaning_of(option, run.settings);
    if (then == now) continue;
    throw ConfigError(fmt::format(
        "--init: {} was trained with {} {}, not {}, which its weights mean something else for; give --{} {}{}",
        reader.path(), option.name, then, now, option.name, then,
        shapes_agree(run, reader) ? ", or take them all the same by --init-check shapes" : ""));
  }
}

void require_same_words(const Run& run, const CheckpointReader& reader, const char* side, const WordMatch& match) {
  if (match.same_words()) return;
  const std::string first = match.new_words == 0 ? "" : fmt::format(", the first of them \"{}\"", match.first_new);
  throw ConfigError(fmt::format(
      "--init: {} knows other words than the data: of the {} words {} {} new{}, and {} {} not in the data; {}",
      reader.path(), side, match.new_words, match.new_words == 1 ? "is" : "are", first, match.left_out,
      match.left_out == 1 ? "is" : "are",
      shapes_agree(run, reader) ? "match those that both have by --init-check shapes"
                                : "its weights have other shapes, too: train anew"));
}

// Which vocabulary the rows or the columns of a parameter stand for, if any: what grows with it says so.
struct Axis {
  const WordMatch* rows = nullptr;
  const WordMatch* columns = nullptr;
};

class Axes {
 public:
  // `saved` makes the model of the checkpoint, for the words that it knows.
  Axes(const ModelConfig& saved, const WordMatch& source, const WordMatch& target) : source_(source), target_(target) {
    ModelConfig config = saved;
    config.source_vocabulary += 1;
    config.target_vocabulary += ties_source(saved) ? 1 : 2;  // tables that are one grow by one
    grown_ = std::make_unique<Model>(config);
  }

  Axis of(const ParameterRange& range) const {
    const Shape& shape = grown_->layout().find(range.name)->shape;
    return {vocabulary(shape.rows - range.shape.rows), vocabulary(shape.columns - range.shape.columns)};
  }

 private:
  const WordMatch* vocabulary(std::int64_t growth) const {
    if (growth == 0) return nullptr;
    return growth == 1 ? &source_ : &target_;
  }

  const WordMatch& source_;
  const WordMatch& target_;
  std::unique_ptr<Model> grown_;
};

// The element of the saved parameter that goes to (row, column), or nothing.
std::optional<std::int64_t> origin_of(const Axis& axis, std::int64_t saved_rows, std::int64_t row,
                                      std::int64_t column) {
  std::optional<std::int64_t> from_row = row;
  std::optional<std::int64_t> from_column = column;
  if (axis.rows != nullptr) from_row = axis.rows->saved_id[static_cast<std::size_t>(row)];
  if (axis.columns != nullptr) from_column = axis.columns->saved_id[static_cast<std::size_t>(column)];
  if (!from_row || !from_column) return {};
  return *from_row + *from_column * saved_rows;
}

template <RealScalar T>
void load_by_word(const Run& run, const CheckpointReader& reader, const WordMatch& source, const WordMatch& target,
                  ParameterStore<T>& parameters) {
  ModelConfig config = run.config.model;
  config.source_vocabulary = source.saved_size;
  config.target_vocabulary = target.saved_size;
  const Model model(config);
  reader.require_parameters(model.layout());
  ParameterStore<T> saved(model.layout());
  reader.load(saved);
  const Axes axes(config, source, target);
  for (const ParameterRange& range : model.layout().ranges()) {
    const ParameterRange& here = *parameters.layout().find(range.name);
    const Axis axis = axes.of(range);
    const std::span<const T> from = std::as_const(saved).values(range);
    const std::span<T> to = parameters.values(here);
    for (std::int64_t column = 0; column < here.shape.columns; ++column) {
      for (std::int64_t row = 0; row < here.shape.rows; ++row) {
        const std::optional<std::int64_t> at = origin_of(axis, range.shape.rows, row, column);
        if (at) to[static_cast<std::size_t>(row + column * here.shape.rows)] = from[static_cast<std::size_t>(*at)];
      }
    }
  }
}

}  // namespace

template <RealScalar T>
void set_initial_weights(const Run& run, ParameterStore<T>& parameters, TrainingObserver& observer) {
  parameters.initialise(run.config.trainer.step.seed);
  if (run.config.init.empty()) return;
  const CheckpointReader reader(checkpoint_of(run.config.init));
  const bool strict = run.config.init_check != "shapes";
  if (strict) require_same_meaning(run, reader);
  // A model that reads source and target as one sequence has the target's words for both.
  const bool apart = run.model.reads_source();
  const WordMatch target =
      match_words(run.dataset->target_vocabulary(), reader.meta().target_vocabulary, reader.path());
  const WordMatch source =
      apart ? match_words(run.dataset->source_vocabulary(), reader.meta().source_vocabulary, reader.path()) : target;
  for (const auto& [side, match] : {std::pair{"source", &source}, std::pair{"target", &target}}) {
    if (strict) require_same_words(run, reader, side, *match);
    if (match->new_words == 0 || (!apart && match == &source)) continue;
    observer.on_warning(fmt::format("init: {} of {} {} words {} new to {}; weights of new words are drawn",
                                    match->new_words, std::ssize(match->saved_id) - kFirstFreeId, side,
                                    match->new_words == 1 ? "is" : "are", reader.path()));
  }
  if (source.same_order() && target.same_order()) {
    reader.load(parameters);
  } else {
    load_by_word(run, reader, source, target, parameters);
  }
}

template void set_initial_weights(const Run&, ParameterStore<float>&, TrainingObserver&);
template void set_initial_weights(const Run&, ParameterStore<double>&, TrainingObserver&);

}  // namespace tapehead
