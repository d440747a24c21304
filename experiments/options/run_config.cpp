#include "experiments/options/run_config.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "datasets/batch.hpp"
#include "experiments/options/choices.hpp"
#include "experiments/options/conditions.hpp"
#include "experiments/options/likenesses.hpp"
#include "layers/models/spec.hpp"

namespace tapehead {
namespace {

constexpr std::int64_t kShards = 4;

// Options that name a file to train on, each once.
std::vector<std::string> file_options() {
  std::vector<std::string> options;
  for (const DataSource& reader : reader_sources()) {
    if (std::ranges::count(options, reader.file_option) == 0) options.push_back(reader.file_option);
  }
  return options;
}

// `--train FILE` makes a reader of such files the task, unless the task was chosen just as strongly.
const DataSource& choose_source(Settings& settings) {
  const DataSource& named = find_source(settings.text("task"));
  std::string given;
  for (const std::string& option : file_options()) {
    if (!settings.text(option).empty()) {
      if (named.file_option == option) return named;
      if (given.empty() || settings.origin(option) > settings.origin(given)) given = option;
    } else if (settings.origin(option) == Origin::command_line) {
      throw ConfigError(fmt::format("--{}: is empty; name a file", option));
    }
  }
  if (given.empty()) {
    if (named.reads_files())
      throw ConfigError(fmt::format("task {}: --{} FILE is missing", named.name, named.file_option));
    return named;
  }
  if (settings.origin("task") >= settings.origin(given)) {
    const std::string why = named.reads_files() ? fmt::format("task {} reads --{} FILE", named.name, named.file_option)
                                                : fmt::format("task {} makes its own data", named.name);
    throw ConfigError(fmt::format("{}: {}; leave one of the two out", settings.where(given), why));
  }
  const std::string_view readers = readers_of(given);
  const std::string usual(readers.substr(0, readers.find(' ')));
  settings.resolve_because_of("task", usual, given);
  // A length that a preset chose for its made sequences says nothing about lines of text.
  if (settings.origin("max-length") == Origin::preset) settings.resolve("max-length", "0");
  return find_source(usual);
}

// What goes by validations on the way, and was asked for, is told that there will be none.
void refuse_late_validations(const Settings& settings) {
  const std::int64_t every = settings.integer("validate-every");
  if (every <= settings.integer("steps")) return;
  for (const OptionSpec& option : option_table()) {
    const bool goes_by_them = std::ranges::any_of(
        option.applies_when, [](const Condition& each) { return each.exists() && each.option == "validate-every"; });
    const bool nothing = is_among(" 0 no none", settings.text(option.name));
    if (!goes_by_them || nothing || settings.origin(option.name) < Origin::file) continue;
    throw ConfigError(fmt::format("{}: goes by validations on the way, and {} never comes within {}",
                                  settings.where(option.name), shown(settings, "validate-every"),
                                  counted(settings.integer("steps"), "step")));
  }
}

// What the table cannot say: how two options go together.
void refuse_conflicts(const Settings& settings) {
  for (const char* share : {"validation-share", "test-share"}) {
    const bool cuts = settings.text("valid").empty() && settings.text("test").empty();
    if (cuts || settings.origin(share) < Origin::file) continue;
    throw ConfigError(fmt::format("{}: does nothing beside --valid or --test; leave it out", settings.where(share)));
  }
  const bool cosine = settings.text("schedule") == "cosine";
  if (cosine && settings.integer("steps") <= settings.integer("warmup")) {
    throw ConfigError(
        fmt::format("steps: {} needs more steps than warm-up: {}, {}; add --warmup {}, or take more steps",
                    shown(settings, "schedule"), shown(settings, "steps"), shown(settings, "warmup"),
                    settings.integer("steps") / 10));
  }
  const std::int64_t falling = settings.integer("steps") - settings.integer("warmup");
  if (cosine && settings.integer("restarts") >= falling) {
    throw ConfigError(fmt::format("{}: {} want as many steps and one more behind the warm-up, and there are {}",
                                  settings.where("restarts"), counted(settings.integer("restarts"), "restart"),
                                  falling));
  }
  refuse_late_validations(settings);
}

// The factor of noam is no learning rate: a number that was chosen for the one says nothing about the other.
void fit_learning_rate(Settings& settings) {
  const std::string& schedule = settings.text("schedule");
  const Origin chosen = settings.origin("lr");
  const bool meant = (settings.text_as_of("schedule", chosen) == "noam") == (schedule == "noam");
  if ((chosen != Origin::fallback && meant) || settings.real("lr") == default_learning_rate(schedule)) return;
  settings.resolve_because_of("lr", fmt::format("{}", default_learning_rate(schedule)), "schedule");
}

// How a family tells positions apart where nobody says it.
void fit_positions(Settings& settings) {
  const std::string& usual = model_spec(settings.text("model")).usual_positions;
  if (usual.empty() || settings.given("positions")) return;
  settings.resolve_because_of("positions", usual, "model");
}

bool may_change(const OptionSpec& option, const Settings& saved) {
  return option.may_change_on_resume && !(option.fixed_by.exists() && holds(saved, option.fixed_by));
}

}  // namespace

Fields<RunConfig> RunConfig::fields() {
  static const std::string without_length = reader_names([](const DataSource& reader) { return !reader.usual_length; });
  const Member<RunConfig> source{[](RunConfig& config, const std::string& text) { config.source = &find_source(text); },
                                 [](const RunConfig& config) { return config.source->name; }};
  const Member<RunConfig> numbers{
      [](RunConfig& config, const std::string& text) { config.double_precision = text == "double"; },
      [](const RunConfig& config) -> std::string { return config.double_precision ? "double" : "float"; }};
  return {
      {source,
       {.name = "task",
        .choices = words_of(all_tasks()),
        .help = "what is learnt",
        .when = "text reads files of your own",
        .common = true,
        .group = OptionGroup::data}},
      {&RunConfig::max_length,
       {.name = "max-length",
        .range = {0, 1e5},
        .help = "longest made sequence, training line or window of text, in tokens",
        .when = "raise it where long lines matter, lower it to save memory",
        .zero = "20 made, 50 words, 250 characters of a line, 64 of a window",
        .common = true,
        .zero_is_automatic = true,
        .applies_when = {none_of("task", without_length)},
        .after = "min-length",
        .group = OptionGroup::data}},
      {&RunConfig::like,
       {.name = "like",
        .choices = likeness_names(),
        .help =
            "published model whose layers to take; sizes are not changed, and `tapehead list likenesses` says what is",
        .when = "what you set yourself stays as you set it",
        .after = "model",
        .group = OptionGroup::model}},
      {&RunConfig::init,
       {.name = "init",
        .kind = OptionKind::path,
        .help = "run folder or checkpoint whose weights training starts from",
        .placeholder = "CHECKPOINT",
        .after = "label-smoothing"}},
      {&RunConfig::init_check,
       {.name = "init-check",
        .choices = "meaning shapes",
        .help = "what weights of --init must share with this run",
        .when =
            "meaning: the options that give weights their meaning, and the words; shapes: the shapes alone, and new "
            "words are drawn",
        .applies_when = {on("init")}}},
      {numbers,
       {.name = "precision",
        .choices = "float double",
        .help = "numbers that are trained with",
        .when = "double rules out rounding; gradcheck and attend take double unless this is given",
        .after = "shards"}},
  };
}

void read_preset_or_config(Settings& settings, const std::string& name) {
  if (!name.empty() && settings.given("config")) {
    throw ConfigError(fmt::format("--config: preset {} is given too; leave one of the two out", name));
  }
  if (!name.empty()) settings.read_config(find_preset(name).text, Origin::preset, "preset " + name);
  if (settings.given("config")) settings.read_config_file(settings.text("config"));
}

void require_something_to_train(const std::string& command, const Settings& settings) {
  if (settings.given("task")) return;
  if (std::ranges::any_of(file_options(), [&](const std::string& option) { return settings.given(option); })) return;
  if (settings.has_any(Origin::file) || settings.has_any(Origin::saved)) return;
  if (settings.given("config")) {
    throw ConfigError(
        fmt::format("{}: has no line `name = value`, and nothing else says what to train; add --task, "
                    "--train FILE, --text FILE, or lines such as task = copy",
                    settings.text("config")));
  }
  throw ConfigError(
      command +
      ": say what to train: a preset (see tapehead list), --config FILE, --task, --train FILE or --text FILE");
}

void settle(Settings& settings) {
  apply_likeness(settings);
  const DataSource& source = choose_source(settings);
  fit_positions(settings);
  for (const char* held_out : {"validation-size", "test-size"}) {
    if (source.shares_out && !settings.given(held_out)) settings.resolve_because_of(held_out, "0", "task");
  }
  settle_useless_options(settings);
  if (source.reads_files() && settings.text("tokenizer") == "auto") {
    settings.resolve("tokenizer", source.usual_tokenizer);
  }
  refuse_unmet_needs(settings);
  refuse_conflicts(settings);
  fit_learning_rate(settings);
  if (source.usual_length) {
    settings.resolve_if_zero("max-length", source.usual_length(make_run_config(settings).data));
  }
  settings.resolve_if_zero("shards", std::min(settings.integer("batch"), kShards));
}

RunConfig make_run_config(const Settings& settings) {
  RunConfig config;
  for_each_part(config, [&]<class Part>(Part& part, OptionGroup) {
    for (const Field<Part>& field : Part::fields()) read_field(field, part, settings);
  });
  return config;
}

std::unique_ptr<Dataset> make_dataset(const RunConfig& config) {
  const DataSource& from = *config.source;
  std::unique_ptr<Dataset> data = from.open(config.data, {});
  if (!ties_source(config.model)) return data;
  // One table for both sides needs one order of words: each side orders its own by how often they occur there.
  const Vocabulary& source = data->source_vocabulary();
  const Vocabulary& target = data->target_vocabulary();
  const auto known = [&](const std::string& word) { return source.id(word) != kUnknown; };
  const bool same_words = source.size() == target.size() && std::ranges::all_of(target.words(), known);
  if (!same_words || std::ranges::equal(source.words(), target.words())) return data;
  return from.open(config.data, Vocabularies{source, source});
}

void fit_to_data(Settings& settings, RunConfig& config, const Dataset& dataset) {
  for (const auto& [name, value] : dataset.found_options()) settings.resolve(name, value);
  ModelConfig& model = config.model;
  model.source_vocabulary = dataset.source_vocabulary().size();
  model.target_vocabulary = dataset.target_vocabulary().size();
  fit_to_features(model, dataset.shape());
  if (reads_features(model)) return;
  const BatchLayout layout = !dataset.has_source()                    ? BatchLayout::language
                             : model_spec(model.model).reads_source() ? BatchLayout::encoder_decoder
                                                                      : BatchLayout::decoder_only;
  const std::int64_t needed = positions_needed(layout, dataset.shape());
  settings.resolve_if_zero("max-positions", needed);
  model.max_positions = settings.integer("max-positions");
  if (model.max_positions < needed) {
    throw ConfigError(fmt::format("{}: the data needs {}, start and end included, not {}",
                                  settings.where("max-positions"), counted(needed, "position"), model.max_positions));
  }
  if (ties_source(model) &&
      !std::ranges::equal(dataset.source_vocabulary().words(), dataset.target_vocabulary().words())) {
    throw ConfigError(fmt::format("{}: source and target have other words; choose output", settings.where("tie")));
  }
}

void fit_to_features(ModelConfig& model, const ExampleShape& shape) {
  if (shape.channels == 0) return;
  const std::int64_t rows = std::max<std::int64_t>(shape.grid_rows, 1);
  model.features = {shape.channels, rows, shape.features / rows};
  if (reads_features(model)) model.max_positions = positions_of_features(model);
}

void check_precision(const RunConfig& config) {
  with_precision(config.double_precision, [&]<class T>(T) {
    check_constants<T>(config.trainer.step.optimizer);
    check_rate<T>(config.trainer.step.schedule);
  });
}

void require_complete_config(const std::string& text, const std::string& where) {
  Settings saved;
  saved.read_config(text, Origin::file, where);
  const std::string advice = "; it was cut off, or edited: train anew into another folder";
  for (const OptionSpec& option : option_table()) {
    const bool written = is_written(option) && applies(saved, option);
    if (written && !saved.given(option.name))
      throw ConfigError(fmt::format("{}: is incomplete, {} is missing{}", where, option.name, advice));
  }
  if (!text.ends_with('\n')) throw ConfigError(fmt::format("{}: its last line has no end{}", where, advice));
}

Settings resume_settings(const Settings& given, const std::string& saved_config, const std::string& where) {
  Settings saved;
  saved.read_config(saved_config, Origin::saved, where);
  for (const OptionSpec& option : option_table()) {
    if (!is_run_option(option) || !given.given(option.name)) continue;
    const std::string& now = given.text(option.name);
    if (may_change(option, saved)) {
      if (now != saved.text(option.name)) saved.take(option.name, given);
      continue;
    }
    if (!applies(saved, option)) {
      if (given.origin(option.name) < Origin::file) continue;
      throw ConfigError(fmt::format("{}: {}", given.where(option.name), why_useless(saved, option)));
    }
    if (now == saved.text(option.name) || (option.zero_is_automatic && now == "0")) continue;
    const auto said = [](const std::string& value) { return value.empty() ? "none" : value; };
    throw ConfigError(fmt::format("{}: the run was begun with {}, not {}; resume without it, or train anew",
                                  given.where(option.name), said(saved.text(option.name)), said(now)));
  }
  refuse_useless_options(saved);  // before a training file that was given makes `text` the task
  return saved;
}

}  // namespace tapehead
