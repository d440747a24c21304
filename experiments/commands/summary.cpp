#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <ostream>

#include "autograd/base/errors.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/json.hpp"
#include "experiments/presets.hpp"
#include "experiments/run.hpp"
#include "experiments/table.hpp"
#include "experiments/trained.hpp"

namespace tapehead {
namespace {

struct Summary {
  Model model;
  bool double_precision;

  std::int64_t parameters() const { return model.layout().parameter_count(); }
  /// Of training: values, a gradient, and two moments of the optimizer.
  std::int64_t bytes() const { return model.layout().flat_size() * 4 * (double_precision ? 8 : 4); }
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
  return {std::move(trained.model), trained.config.double_precision};
}

Summary summary_of(const Invocation& invocation) {
  const std::string& subject = invocation.subject;
  if (!subject.empty() && !is_preset(subject) && std::filesystem::exists(subject))
    return summary_of_trained(invocation);
  Settings settings = invocation.settings;
  read_preset_or_config(settings, subject);
  Run run = prepare_run(std::move(settings));
  return {std::move(run.model), run.config.double_precision};
}

// `encoder.layers.0.feed_forward.inner.weight` is a leaf of a tree: each part that is new gets a line of its own.
void add_leaf(Table& table, const ParameterLayout& layout, const ParameterRange& range, std::string& open) {
  std::size_t begin = 0;
  std::size_t depth = 0;
  for (std::size_t dot = 0; (dot = range.name.find('.', begin)) != std::string::npos; begin = dot + 1, ++depth) {
    const std::string module = range.name.substr(0, dot + 1);
    if (open.starts_with(module)) continue;
    std::int64_t count = 0;
    for (const ParameterRange& other : layout.ranges()) {
      if (other.name.starts_with(module)) count += other.shape.size();
    }
    table.add({std::string(2 * depth, ' ') + range.name.substr(begin, dot - begin), "", fmt::format("{}", count)});
  }
  table.add({std::string(2 * depth, ' ') + range.name.substr(begin), to_string(range.shape),
             fmt::format("{}", range.shape.size())});
  open = range.name;
}

std::string as_text(const Summary& summary) {
  const ParameterLayout& layout = summary.model.layout();
  Table table({"module", "shape", "parameters"});
  std::string open;
  for (const ParameterRange& range : layout.ranges()) add_leaf(table, layout, range, open);
  return table.text() + fmt::format("\n{} parameters; training keeps {:.1f} MiB of values, gradients and moments\n",
                                    summary.parameters(), static_cast<double>(summary.bytes()) / (1 << 20));
}

Json as_json(const Summary& summary) {
  Json parameters = Json::array();
  for (const ParameterRange& range : summary.model.layout().ranges()) {
    parameters.push_back(
        {{"name", range.name}, {"shape", {range.shape.rows, range.shape.columns}}, {"parameters", range.shape.size()}});
  }
  return {{"model", summary.model.config().model},
          {"parameters", summary.parameters()},
          {"memory_bytes", summary.bytes()},
          {"modules", std::move(parameters)}};
}

}  // namespace

int run_summary(const Invocation& invocation, Console& console) {
  const Summary summary = summary_of(invocation);
  console.out << (invocation.settings.flag("json") ? as_json(summary).dump() + "\n" : as_text(summary));
  return kDone;
}

}  // namespace tapehead
