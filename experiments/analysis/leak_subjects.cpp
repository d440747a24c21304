#include "experiments/analysis/leak_subjects.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/base/suggest.hpp"
#include "experiments/analysis/gradcheck.hpp"
#include "experiments/options/presets.hpp"
#include "experiments/runs/run.hpp"
#include "layers/models/spec.hpp"
#include "trainers/model_problem.hpp"

namespace tapehead {
namespace {

constexpr std::int64_t kExamples = 2;

std::shared_ptr<const Batch> some_examples(const Dataset& dataset, const Model& model, std::uint64_t seed) {
  auto batch = std::make_shared<Batch>(batch_layout(dataset, model.reads_source()));
  batch->reserve(kExamples, dataset.shape());
  dataset.fill_training_batch(seed, 1, kExamples, *batch);
  return batch;
}

bool reads_files(const Preset& preset) {
  Settings settings;
  read_preset_or_config(settings, std::string(preset.name));
  return find_source(settings.text("task")).reads_files();
}

ModelLeaks leaks_of_preset(const std::string& name, const std::string& preset) {
  Settings settings;
  read_preset_or_config(settings, preset);
  Run run = prepare_run(std::move(settings));
  const auto model = std::make_shared<const Model>(std::move(run.model));
  return find_leaks(name, model, parameters_for_leaks(*model), *some_examples(*run.dataset, *model, 1));
}

}  // namespace

std::vector<LeakSubject> leak_subjects(const std::string& pattern) {
  std::vector<LeakSubject> all;
  for (const Preset& preset : presets()) {
    if (reads_files(preset)) continue;  // nobody has said which
    const std::string name = "presets/" + std::string(preset.name);
    all.push_back({name, [name, preset = std::string(preset.name)] { return leaks_of_preset(name, preset); }});
  }
  for (const ModelSpec& spec : model_specs()) {
    for (const auto& [label, config] : spec.cases) {
      const std::string name = "models/" + spec.name + "/" + label;
      all.push_back({name, [name, config = config] {
                       const ModelSample sample = model_sample(config, 1);
                       return find_leaks(name, sample.model, parameters_for_leaks(*sample.model), *sample.batch);
                     }});
    }
  }
  std::vector<LeakSubject> found;
  std::vector<std::string_view> names;
  for (LeakSubject& subject : all) {
    std::string_view name = subject.name;
    name.remove_prefix(name.find('/') + 1);
    names.push_back(name.substr(0, name.find('/')));
    if (matches_case(pattern, subject.name)) found.push_back(subject);
  }
  if (found.empty()) {
    const std::string hint = did_you_mean(pattern, names);
    throw ConfigError(fmt::format("gradcheck: no preset and no model matches \"{}\"{}", pattern,
                                  hint.empty() ? "; see tapehead list" : hint));
  }
  return found;
}

LeakSubject leak_subject(const Trained& trained, const Dataset& dataset) {
  const std::string name = fmt::format("checkpoint/step_{}", trained.reader->meta().step);
  return {name, [name, &trained, &dataset] {
            const auto model = std::make_shared<const Model>(trained.config.model);
            ParameterStore<double> parameters(model->layout());
            with_precision(trained.config.double_precision, [&](auto scalar) {
              const auto loaded = load_parameters<decltype(scalar)>(trained);
              std::ranges::copy(loaded.values().span(), parameters.values().data());
            });
            return find_leaks(name, model, parameters,
                              *some_examples(dataset, *model, trained.config.trainer.step.seed));
          }};
}

}  // namespace tapehead
