#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <ostream>
#include <sstream>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/file.hpp"
#include "experiments/options/presets.hpp"
#include "experiments/program/command.hpp"
#include "experiments/report/data_report.hpp"
#include "experiments/report/json.hpp"
#include "experiments/report/table.hpp"
#include "experiments/report/text_width.hpp"
#include "experiments/runs/run.hpp"
#include "experiments/runs/trained.hpp"

namespace tapehead {
namespace {

struct Summary {
  Model model;
  std::optional<MemoryEstimate> memory;  // of training; without data nobody knows how long sequences are

  std::int64_t parameters() const { return model.layout().parameter_count(); }
};

bool is_preset(const std::string& name) { return std::ranges::count(presets(), name, &Preset::name) > 0; }

Summary summary_of_trained(const Invocation& invocation) {
  for (const OptionSpec& option : option_table()) {
    const bool shapes_model = is_run_option(option) || option.name == "config";
    if (shapes_model && invocation.settings.given(option.name)) {
      throw ConfigError(fmt::format("--{}: {} is trained already; options go with a preset or --config", option.name,
                                    invocation.subject));
    }
  }
  Trained trained = open_trained(invocation.subject);
  return {std::move(trained.model), std::nullopt};
}

Summary summary_of(const Invocation& invocation, Console& console) {
  const std::string& subject = invocation.subject;
  if (!subject.empty() && !is_preset(subject) && file_exists(subject)) return summary_of_trained(invocation);
  Settings settings = invocation.settings;
  read_preset_or_config(settings, subject);
  Run run = prepare_run(std::move(settings));
  tell_of_data(*run.dataset, DataUse::all(), console.err);
  const MemoryEstimate memory = memory_of(run);
  return {std::move(run.model), memory};
}

// A module or a parameter: one part of the dotted names.
struct Node {
  std::string name;
  std::string shape;
  std::int64_t parameters = 0;
  std::vector<Node> parts = {};

  Node& part(const std::string& part_name) {
    const auto found = std::ranges::find(parts, part_name, &Node::name);
    return found != parts.end() ? *found : parts.emplace_back(Node{.name = part_name, .shape = {}});
  }
};

Node tree_of(const ParameterLayout& layout) {
  Node root;
  for (const ParameterRange& range : layout.ranges()) {
    Node* node = &root;
    std::istringstream names(range.name);
    for (std::string name; std::getline(names, name, '.');) {
      node = &node->part(name);
      node->parameters += range.shape.size();
    }
    node->shape = to_string(range.shape);
  }
  return root;
}

void add_rows(Table& table, const Node& node, std::size_t depth) {
  for (const Node& part : node.parts) {
    table.add({std::string(2 * depth, ' ') + part.name, part.shape, fmt::format("{}", part.parameters)});
    add_rows(table, part, depth + 1);
  }
}

std::string as_text(const Summary& summary, std::size_t width) {
  Table table({"module", "shape", "parameters"});
  add_rows(table, tree_of(summary.model.layout()), 0);
  table.may_leave_out({"shape"});
  std::string text = table.text(width) + "\n" + counted(summary.parameters(), "parameter") + "\n";
  if (summary.memory) {
    const MemoryEstimate& m = *summary.memory;
    const std::string parts = fmt::format(
        "training takes about {}: parameters and gradients {}, optimizer {}, shards {}, tapes {}, saving {}, positions "
        "{}, "
        "evaluation {}",
        bytes_text(m.total()), bytes_text(m.parameters), bytes_text(m.optimizer), bytes_text(m.shards),
        bytes_text(m.tapes), bytes_text(m.saving), bytes_text(m.tables), bytes_text(m.evaluation));
    text += wrapped(parts, width, 2) + "\n";
  }
  return text;
}

Json as_json(const Summary& summary) {
  Json parameters = Json::array();
  for (const ParameterRange& range : summary.model.layout().ranges()) {
    parameters.push_back(
        {{"name", range.name}, {"shape", {range.shape.rows, range.shape.columns}}, {"parameters", range.shape.size()}});
  }
  return {{"model", summary.model.config().model},
          {"parameters", summary.parameters()},
          {"memory_bytes", summary.memory ? Json(summary.memory->total()) : Json(nullptr)},
          {"modules", std::move(parameters)}};
}

int run_summary(const Invocation& invocation, Console& console) {
  const Summary summary = summary_of(invocation, console);
  console.out << (invocation.settings.flag("json") ? to_text(as_json(summary)) + "\n"
                                                   : as_text(summary, console.width));
  return kDone;
}

}  // namespace

Command command_summary() {
  return {.name = "summary",
          .subject = "[PRESET|DIR|CHECKPOINT]",
          .summary = "A model's modules with shapes, parameters and memory",
          .example = "tapehead summary copy --heads 8 --d-model 128",
          .run_options = true,
          .options = {{"config"}, {"json"}},
          .run = run_summary};
}

}  // namespace tapehead
