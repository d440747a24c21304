#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/suggest.hpp"
#include "autograd/spec.hpp"
#include "experiments/options/choices.hpp"
#include "experiments/options/likenesses.hpp"
#include "experiments/program/command.hpp"
#include "experiments/program/definitions.hpp"
#include "experiments/report/json.hpp"
#include "layers/attention/combinations.hpp"
#include "layers/mixers/mixer.hpp"
#include "layers/recurrent/cell.hpp"
#include "trainers/metrics/evaluation.hpp"

namespace tapehead {
namespace {

struct Section {
  std::string title;
  std::vector<Choice> entries;
};

// "share, higher is better".
std::string kind_of(const MetricSpec& metric) {
  std::vector<std::string> parts;
  if (!metric.unit.empty()) parts.push_back(metric.unit);
  if (metric.direction != Better::neither) {
    parts.emplace_back(metric.direction == Better::lower ? "lower is better" : "higher is better");
  }
  if (metric.of_outputs) parts.emplace_back("eval --decode measures it");
  return fmt::format("{}", fmt::join(parts, ", "));
}

// "whole, tiled, composed": the ways of computing attention that take this beside the usual others.
std::string kernels_of(const AttentionChoice& choice) {
  std::vector<std::string_view> names;
  for (const KernelAbilities& kernel : kKernels) {
    if (go_together({choice, {"attention", kernel.name}})) names.push_back(kernel.name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

// "; not with score additive": those that are no kernels.
std::string exclusions_of(const AttentionChoice& choice) {
  std::vector<std::string> names;
  for (const auto& [one, other, why] : attention_exclusions()) {
    if (one.option == "attention") continue;
    const bool is_one = one.option == choice.option && one.value == choice.value;
    const bool is_other = other.option == choice.option && other.value == choice.value;
    const AttentionChoice& with = is_one ? other : one;
    if (is_one || is_other) names.push_back(fmt::format("{} {}", with.option, with.value));
  }
  return names.empty() ? "" : fmt::format("; not with {}", fmt::join(names, ", "));
}

Section attention_section() {
  Section section{"attention", {}};
  for (const AttentionChoice& choice : attention_choices()) {
    if (choice.value == "0") continue;  // nothing of it
    std::string text = choice.description;
    if (!choice.source.empty()) text += fmt::format(" ({})", choice.source);
    if (choice.option != "attention") text += "; by " + kernels_of(choice) + exclusions_of(choice);
    section.entries.push_back({fmt::format("{} {}", choice.option, choice.value), text});
  }
  return section;
}

Section mixer_section() {
  Section section{
      "mixers",
      {{"attention", "weights of their own for every pair of positions; `tapehead list attention` says of what"}}};
  for (const MixerSpec& mixer : mixer_specs()) {
    section.entries.push_back({mixer.name, fmt::format("{} ({})", mixer.description, mixer.source)});
  }
  return section;
}

Section cell_section() {
  Section section{"cells", {}};
  for (const CellSpec& cell : cell_specs()) {
    section.entries.push_back({cell.name, fmt::format("{} ({})", cell.description, cell.source)});
  }
  return section;
}

std::vector<Section> all_sections() {
  Section preset_section{"presets", {}};
  for (const Preset& preset : presets()) {
    preset_section.entries.push_back({std::string(preset.name), std::string(preset.description())});
  }
  Section likeness_section{"likenesses", {}};
  for (const Preset& likeness : likenesses()) {
    likeness_section.entries.push_back(
        {std::string(likeness.name), fmt::format("{}: {}", likeness.description(), values_of(likeness))});
  }
  Section op_section{"ops", {}};
  for (const OpSpec& spec : op_specs()) {
    op_section.entries.push_back(
        {spec.name, counted(spec.cases.size(), "case") + ", " + counted(spec.refusals.size(), "refusal")});
  }
  Section metric_section{"metrics", {}};
  for (const MetricSpec& metric : evaluation_metrics()) {
    const std::string kind = kind_of(metric);
    metric_section.entries.push_back({metric.name, metric.description + (kind.empty() ? "" : " (" + kind + ")")});
  }
  return {preset_section,      {"tasks", all_tasks()}, {"models", all_models()}, likeness_section,
          attention_section(), mixer_section(),        cell_section(),           op_section,
          metric_section};
}

// All of them, or the one that is asked for.
std::vector<Section> sections(const std::string& asked) {
  std::vector<Section> all = all_sections();
  if (asked.empty()) return all;
  const auto found = std::ranges::find(all, asked, &Section::title);
  if (found != all.end()) return {*found};
  std::vector<std::string_view> titles;
  for (const Section& section : all) titles.push_back(section.title);
  throw ConfigError(
      fmt::format("list: \"{}\" is none of {}{}", asked, fmt::join(titles, ", "), did_you_mean(asked, titles)));
}

int run_list(const Invocation& invocation, Console& console) {
  Json object = Json::object();
  for (const Section& section : sections(invocation.subject)) {
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
          .subject = "[presets|tasks|models|likenesses|attention|mixers|cells|ops|metrics]",
          .summary =
              "The presets, tasks, models, likenesses, stages of attention, mixers, cells, ops and metrics there are",
          .example = "tapehead list tasks",
          .options = {{"json"}},
          .run = run_list};
}

}  // namespace tapehead
