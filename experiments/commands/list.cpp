#include <nlohmann/json.hpp>
#include <ostream>

#include "autograd/base/counted.hpp"
#include "autograd/spec.hpp"
#include "experiments/options/choices.hpp"
#include "experiments/options/presets.hpp"
#include "experiments/program/command.hpp"
#include "experiments/program/definitions.hpp"
#include "experiments/report/json.hpp"

namespace tapehead {
namespace {

struct Section {
  std::string title;
  std::vector<Choice> entries;
};

std::vector<Section> sections() {
  Section preset_section{"presets", {}};
  for (const Preset& preset : presets()) {
    preset_section.entries.push_back({std::string(preset.name), std::string(preset.description())});
  }
  Section op_section{"ops", {}};
  for (const OpSpec& spec : op_specs()) {
    op_section.entries.push_back(
        {spec.name, counted(spec.cases.size(), "case") + ", " + counted(spec.refusals.size(), "refusal")});
  }
  return {preset_section, {"tasks", all_tasks()}, {"models", all_models()}, op_section};
}

int run_list(const Invocation& invocation, Console& console) {
  Json object = Json::object();
  for (const Section& section : sections()) {
    Json entries = Json::array();
    std::vector<Definition> lines;
    for (const auto& [name, description] : section.entries) {
      entries.push_back({{"name", name}, {"description", description}});
      lines.push_back({name, description});
    }
    object[section.title] = std::move(entries);
    if (invocation.settings.flag("json")) continue;
    console.out << (object.size() > 1 ? "\n" : "") << section.title << '\n' << definitions(lines, console.width);
  }
  if (invocation.settings.flag("json")) console.out << to_text(object) << '\n';
  return kDone;
}

}  // namespace

Command command_list() {
  return {.name = "list",
          .subject = "",
          .summary = "The presets, tasks, models and ops that there are",
          .example = "tapehead list",
          .options = {{"json"}},
          .run = run_list};
}

}  // namespace tapehead
