#include <fmt/format.h>

#include <ostream>

#include "autograd/spec.hpp"
#include "datasets/made.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/json.hpp"
#include "experiments/presets.hpp"

namespace tapehead {
namespace {

struct Entry {
  std::string name, description;
};

struct Section {
  std::string title;
  std::vector<Entry> entries;
};

std::vector<Section> sections() {
  Section preset_section{"presets", {}};
  for (const Preset& preset : presets()) {
    preset_section.entries.push_back({std::string(preset.name), std::string(preset.description())});
  }
  Section task_section{"tasks", {}};
  for (const MadeTask& task : made_tasks()) task_section.entries.push_back({task.name, task.description});
  task_section.entries.push_back({"text", "pairs of lines from files: --train, --valid, --test"});
  Section model_section{"models",
                        {{"transformer", "encoder and decoder with cross-attention"},
                         {"decoder", "decoder alone: source and target are one sequence"}}};
  Section op_section{"ops", {}};
  for (const OpSpec& spec : op_specs()) {
    op_section.entries.push_back(
        {spec.name, fmt::format("{} cases, {} refusals", spec.cases.size(), spec.refusals.size())});
  }
  return {preset_section, task_section, model_section, op_section};
}

}  // namespace

int run_list(const Invocation& invocation, Console& console) {
  Json object = Json::object();
  for (const Section& section : sections()) {
    Json entries = Json::array();
    std::string lines = section.title + "\n";
    for (const auto& [name, description] : section.entries) {
      entries.push_back({{"name", name}, {"description", description}});
      lines += fmt::format("  {:<26} {}\n", name, description);
    }
    object[section.title] = std::move(entries);
    if (!invocation.settings.flag("json")) console.out << lines << '\n';
  }
  if (invocation.settings.flag("json")) console.out << object.dump() << '\n';
  return kDone;
}

}  // namespace tapehead
