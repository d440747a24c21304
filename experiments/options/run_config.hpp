#pragma once

#include <memory>
#include <string>

#include "autograd/base/errors.hpp"
#include "datasets/source.hpp"
#include "experiments/options/settings.hpp"
#include "layers/models/config.hpp"
#include "trainers/trainer_options.hpp"

namespace tapehead {

/// The settings of a run, typed: what the dataset, the model and the trainer take.
struct RunConfig {
  const DataSource* source = &find_source("copy");  ///< what `task` names
  std::int64_t max_length = 0;                      ///< of made and of text data
  DataOptions data = {};                            ///< for the source
  std::string like = "none";                        ///< one of likenesses(): what sets options of the model
  ModelConfig model = {};
  TrainerOptions trainer = {};
  std::string init = {};  ///< run folder or checkpoint that the weights come from; empty: they are drawn
  std::string init_check = "meaning";
  bool double_precision = false;

  static Fields<RunConfig> fields();
};

/// Calls f(part, group) for every struct of a run that describes options, each with where help shows them.
template <class F>
void for_each_part(RunConfig& config, F&& f) {
  f(config, OptionGroup::training);
  f(config.data.made, OptionGroup::data);
  f(config.data.text, OptionGroup::data);
  f(config.data.images, OptionGroup::data);
  f(config.data.plain, OptionGroup::data);
  f(config.data.masking, OptionGroup::data);
  f(config.model, OptionGroup::model);
  f(config.trainer, OptionGroup::training);
  f(config.trainer.step, OptionGroup::training);
  f(config.trainer.step.optimizer, OptionGroup::training);
  f(config.trainer.step.schedule, OptionGroup::training);
}

/// Sets a member from its option. Throws ConfigError that begins with where the value came from.
template <class Part>
void read_field(const Field<Part>& field, Part& part, const Settings& settings) {
  try {
    field.member.set(part, settings.text(field.option.name));
  } catch (const ConfigError& error) {
    throw ConfigError(settings.where(field.option.name) + ": " + error.what());
  }
}

/// Sets what a preset (`name`) or the file of --config says; both at once is a ConfigError. An empty name stands for
/// none.
void read_preset_or_config(Settings& settings, const std::string& name);

/// Throws ConfigError unless a task, a training file or a configuration file that says anything was given. REQUIRES:
/// there is no preset.
void require_something_to_train(const std::string& command, const Settings& settings);

/// Sets what a likeness says (--like), puts numbers where the settings say "as the others need" (max-length, shards),
/// and makes `text` the task when there are training files. Throws ConfigError for options that the task has no use
/// for.
void settle(Settings& settings);

/// Every part from its options. REQUIRES: settled settings. Vocabularies and positions are still open: see fit_to_data.
RunConfig make_run_config(const Settings& settings);

/// Throws what the dataset throws.
std::unique_ptr<Dataset> make_dataset(const RunConfig& config);

/// Gives the model the data's vocabularies, and positions for its longest sequence, which also go into the settings.
/// Throws ConfigError for positions that are too few, and vocabularies that cannot be tied.
void fit_to_data(Settings& settings, RunConfig& config, const Dataset& dataset);

/// Gives the model the grid of features that examples have, if they have any.
void fit_to_features(ModelConfig& model, const ExampleShape& shape);

/// Throws ConfigError for constants of training that its precision cannot hold. REQUIRES: each is possible by itself.
void check_precision(const RunConfig& config);

/// Throws ConfigError unless the text of a config.cfg is whole: every option that one holds, and a last line with its
/// end. A file that was cut off would else make another run, of defaults.
void require_complete_config(const std::string& text, const std::string& where);

/// What a run goes on with: its saved configuration, and of what was given now only what may change on resume. Throws
/// ConfigError that names the first option that differs and may not.
Settings resume_settings(const Settings& given, const std::string& saved_config, const std::string& where);

/// Calls f(float()) or f(double()).
template <class F>
auto with_precision(bool double_precision, F&& f) {
  if (double_precision) return f(double());
  return f(float());
}

}  // namespace tapehead
