#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <ostream>
#include <sstream>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/file.hpp"
#include "experiments/analysis/model_inside.hpp"
#include "experiments/options/notices.hpp"
#include "experiments/options/presets.hpp"
#include "experiments/program/command.hpp"
#include "experiments/report/data_report.hpp"
#include "experiments/report/heat_map.hpp"
#include "experiments/report/json.hpp"
#include "experiments/report/table.hpp"
#include "experiments/report/text_width.hpp"
#include "experiments/runs/run.hpp"
#include "experiments/runs/trained.hpp"

namespace tapehead {
namespace {

constexpr std::int64_t kLongestCounted = 256;  // tokens of the example that operations are counted of
constexpr std::int64_t kOfUnknownData = 32;    // the same of a model whose data nobody has asked for
constexpr std::int64_t kPictured = 8;          // tokens of the example whose masks are drawn

struct Summary {
  Model model;
  std::optional<MemoryEstimate> memory;  // of training; without data nobody knows how long sequences are
  std::int64_t source = 0, target = 0;   // tokens of the example that operations are counted of

  std::int64_t parameters() const { return model.layout().parameter_count(); }
};

// So many tokens as the model has positions for, start and end included.
std::int64_t within(const Model& model, std::int64_t tokens) {
  const std::int64_t positions = model.config().max_positions - 2;
  return std::max<std::int64_t>(1, std::min(tokens, model.reads_source() ? positions : positions / 2));
}

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
  const std::int64_t tokens = within(trained.model, kOfUnknownData);
  return {std::move(trained.model), std::nullopt, tokens, tokens};
}

Summary summary_of(const Invocation& invocation, Console& console) {
  const std::string& subject = invocation.subject;
  if (!subject.empty() && !is_preset(subject) && file_exists(subject)) return summary_of_trained(invocation);
  Settings settings = invocation.settings;
  read_preset_or_config(settings, subject);
  Run run = prepare_run(std::move(settings));
  tell_of_settings(run.settings, console.err);
  tell_of_data(*run.dataset, DataUse::all(), console.err);
  const MemoryEstimate memory = memory_of(run);
  const std::int64_t source = within(run.model, std::min(run.dataset->max_source_length(), kLongestCounted));
  const std::int64_t target = within(run.model, std::min(run.dataset->max_target_length(), kLongestCounted));
  return {std::move(run.model), memory, source, target};
}

// A module or a parameter: one part of the dotted names.
struct Node {
  std::string name;
  std::string shape;
  std::int64_t parameters = 0;
  double operations = 0;  // of one token
  std::vector<Node> parts = {};

  Node& part(const std::string& part_name) {
    const auto found = std::ranges::find(parts, part_name, &Node::name);
    return found != parts.end() ? *found : parts.emplace_back(Node{.name = part_name, .shape = {}});
  }
};

// Calls f with each node on the way to a dotted name, and gives the last one.
template <class F>
Node& along(Node& root, const std::string& path, F f) {
  Node* node = &root;
  std::istringstream names(path);
  for (std::string name; std::getline(names, name, '.');) {
    node = &node->part(name);
    f(*node);
  }
  return *node;
}

Node tree_of(const Model& model, const ModelInside& inside) {
  Node root;
  for (const ParameterRange& range : model.layout().ranges()) {
    const auto found = inside.operations.find(range.name);
    const double operations = found == inside.operations.end() ? 0 : found->second;
    along(root, range.name, [&](Node& node) {
      node.parameters += range.shape.size();
      node.operations += operations;
    }).shape = to_string(range.shape);
  }
  for (const AttentionInside& attention : inside.attentions) {
    Node& node = along(root, attention.layer, [&](Node& each) { each.operations += attention.operations; });
    node.shape = attention.allowed.rows > 0 ? heads_text(model.config()) : model.config().mixer;
  }
  return root;
}

void add_rows(Table& table, const Node& node, std::size_t depth) {
  for (const Node& part : node.parts) {
    table.add({std::string(2 * depth, ' ') + part.name, fmt::format("{}", part.parameters),
               part.operations > 0 ? fmt::format("{:.0f}", part.operations) : "–", part.shape});
    add_rows(table, part, depth + 1);
  }
}

// "encoder.layers.1.self_attention" → "encoder.layers.*.self_attention".
std::string of_every_layer(const std::string& path) {
  std::string text;
  std::istringstream names(path);
  for (std::string name; std::getline(names, name, '.');) {
    const bool number = name.find_first_not_of("0123456789") == std::string::npos;
    text += (text.empty() ? "" : ".") + (number ? std::string("*") : name);
  }
  return text;
}

// A picture of each kind of attention: what every place may look at.
std::string masks_text(const Summary& summary, std::size_t width) {
  const std::int64_t tokens = within(summary.model, kPictured);
  std::vector<std::string> drawn;
  std::string text;
  for (const AttentionInside& attention : model_inside(summary.model, tokens, tokens).attentions) {
    if (attention.allowed.rows == 0) continue;
    const std::string name = of_every_layer(attention.layer);
    if (std::ranges::count(drawn, name) > 0) continue;
    drawn.push_back(name);
    text +=
        "\n" +
        wrapped(fmt::format("{}: {}; queries down, keys across", name, stages_text(summary.model.config())), width) +
        "\n" + draw_heat_map(attention.allowed, mask_labels(attention.allowed), HeatMapStyle::ascii, width);
  }
  return text;
}

std::string lengths_text(const Summary& summary) {
  if (summary.model.spec().reads_features()) return counted(summary.model.config().max_positions, "position");
  return fmt::format("{} source and {}", summary.source, counted(summary.target, "target token"));
}

std::string counted_for(const Summary& summary) {
  return summary.model.spec().reads_features() ? "a position" : "a source and a target token";
}

std::string as_text(const Summary& summary, std::size_t width) {
  const ModelInside inside = model_inside(summary.model, summary.source, summary.target);
  Table table({"module", "parameters", "operations", "shape"});
  const Node tree = tree_of(summary.model, inside);
  add_rows(table, tree, 0);
  table.may_leave_out({"operations", "shape"});
  double operations = 0;
  for (const Node& part : tree.parts) operations += part.operations;
  std::string text = table.text(width) + "\n" + counted(summary.parameters(), "parameter") + "\n" +
                     wrapped(fmt::format("{:.0f} operations forward for {}: additions and multiplications in products, "
                                         "attention at {}; training takes three times as many",
                                         operations, counted_for(summary), lengths_text(summary)),
                             width, 2) +
                     "\n";
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
  return text + masks_text(summary, width);
}

Json as_json(const Summary& summary) {
  const ModelInside inside = model_inside(summary.model, summary.source, summary.target);
  Json parameters = Json::array();
  for (const ParameterRange& range : summary.model.layout().ranges()) {
    const auto found = inside.operations.find(range.name);
    parameters.push_back({{"name", range.name},
                          {"shape", {range.shape.rows, range.shape.columns}},
                          {"parameters", range.shape.size()},
                          {"operations", found == inside.operations.end() ? 0 : found->second}});
  }
  Json attentions = Json::array();
  for (const AttentionInside& attention : inside.attentions) {
    attentions.push_back({{"name", attention.layer}, {"operations", attention.operations}});
  }
  return {{"model", summary.model.config().model},
          {"parameters", summary.parameters()},
          {"memory_bytes", summary.memory ? Json(summary.memory->total()) : Json(nullptr)},
          {"source_tokens", summary.source},
          {"target_tokens", summary.target},
          {"attentions", std::move(attentions)},
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
          .summary = "A model's modules with shapes, parameters, operations and masks, and its memory",
          .example = "tapehead summary copy --heads 8 --d-model 128",
          .run_options = true,
          .options = {{"config"}, {"json"}},
          .run = run_summary};
}

}  // namespace tapehead
