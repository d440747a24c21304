#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <ostream>

#include "autograd/base/errors.hpp"
#include "autograd/base/output_file.hpp"
#include "autograd/base/suggest.hpp"
#include "autograd/base/text.hpp"
#include "experiments/analysis/attention_maps.hpp"
#include "experiments/program/command.hpp"
#include "experiments/report/heat_map_svg.hpp"
#include "experiments/report/json.hpp"
#include "experiments/report/text_width.hpp"

namespace tapehead {
namespace {

// A space is a token of a model of characters, and nobody would see it.
std::vector<std::string> visible(std::vector<std::string> tokens) {
  for (std::string& token : tokens) {
    if (token == " ") token = "␣";
  }
  return tokens;
}

const LayerMaps& choose_layer(const LineMaps& maps, const std::string& wanted) {
  const LayerMaps* last_cross = nullptr;
  std::vector<std::string_view> names;
  for (const LayerMaps& maps_of_layer : maps.layers) {
    if (maps_of_layer.layer == wanted) return maps_of_layer;
    if (maps_of_layer.role == AttentionRole::cross) last_cross = &maps_of_layer;
    names.push_back(maps_of_layer.layer);
  }
  if (wanted.empty()) return last_cross != nullptr ? *last_cross : maps.layers.back();
  const std::string hint = did_you_mean(wanted, names);
  throw ConfigError(fmt::format("--layer: the model has no attention layer \"{}\"{}", wanted,
                                hint.empty() ? fmt::format("; it has {}", fmt::join(names, ", ")) : hint));
}

Json as_json(const LineMaps& maps, const LayerMaps& layer, std::int64_t first, std::int64_t last) {
  Json heads = Json::array();
  for (std::int64_t h = first; h < last; ++h) {
    heads.push_back({{"head", h}, {"weights", to_json(layer.heads[static_cast<std::size_t>(h)])}});
  }
  return {{"source", maps.source},        {"output", maps.output},    {"layer", layer.layer},
          {"queries", layer.queries},     {"keys", layer.keys},       {"rows", layer.rows_are},
          {"columns", layer.columns_are}, {"heads", std::move(heads)}};
}

std::string as_svg(const LayerMaps& layer, std::int64_t first, std::int64_t last) {
  std::vector<HeatMapPanel> panels;
  for (std::int64_t h = first; h < last; ++h) {
    panels.push_back({.title = fmt::format("{}, head {}", layer.layer, h),
                      .weights = layer.heads[static_cast<std::size_t>(h)],
                      .labels = {visible(layer.queries), visible(layer.keys)},
                      .rows_are = layer.rows_are,
                      .columns_are = layer.columns_are});
  }
  return heat_map_svg(std::move(panels));
}

int run_inspect(const Invocation& invocation, Console& console) {
  const Settings& settings = invocation.settings;
  const Trained trained = open_trained(invocation.subject);
  const LineMaps maps = attention_maps(trained, settings.text("input"));
  const LayerMaps& layer = choose_layer(maps, settings.text("layer"));
  const std::int64_t heads = std::ssize(layer.heads);
  const std::int64_t wanted = settings.integer("head");
  if (wanted >= heads)
    throw ConfigError(fmt::format("--head: {} has heads 0 to {}, not {}", layer.layer, heads - 1, wanted));
  const std::int64_t first = wanted < 0 ? 0 : wanted;
  const std::int64_t last = wanted < 0 ? heads : wanted + 1;

  if (settings.given("svg")) write_file(settings.text("svg"), as_svg(layer, first, last));
  if (settings.flag("json")) {
    console.out << to_text(as_json(maps, layer, first, last)) << '\n';
    return kDone;
  }
  const HeatMapStyle style = heat_map_style(settings.text("color"), console.out_is_terminal);
  console.out << wrapped(printable(fmt::format("{}", fmt::join(visible(maps.source), " "))), console.width, 2) << '\n'
              << wrapped("→ " + printable(fmt::format("{}", fmt::join(visible(maps.output), " "))), console.width, 2)
              << "\n\n"
              << wrapped(fmt::format("rows: {}; columns: {}", layer.rows_are, layer.columns_are), console.width)
              << '\n';
  for (std::int64_t h = first; h < last; ++h) {
    console.out << fmt::format("\n{}, head {}\n", layer.layer, h)
                << draw_heat_map(layer.heads[static_cast<std::size_t>(h)],
                                 {visible(layer.queries), visible(layer.keys)}, style, console.width);
  }
  return kDone;
}

}  // namespace

Command command_inspect() {
  return {
      .name = "inspect",
      .subject = "DIR|CHECKPOINT",
      .summary = "Draws what a trained model attends to as it reads one line",
      .example = "tapehead inspect runs/copy --input \"7 3 9 1\"",
      .options = {{.name = "input",
                   .kind = OptionKind::text,
                   .help = "what is looked at: a line that the model reads; of attend an HDF5 file with q, k and v, "
                           "(examples, heads, places, width), and what else it reads",
                   .placeholder = "\"TEXT\"",
                   .common = true},
                  {.name = "layer",
                   .kind = OptionKind::text,
                   .help = "attention layer to draw; by default the last one that looks at the input",
                   .placeholder = "PATH",
                   .common = true},
                  {.name = "head",
                   .kind = OptionKind::integer,
                   .fallback = "-1",
                   .range = {-1, 4095},
                   .help = "head to draw, from 0",
                   .when = "-1: all",
                   .common = true},
                  {"svg"},
                  {"color"},
                  {"json"}},
      .required = {"input"},
      .run = run_inspect,
      .memory_advice = "give shorter lines"};
}

}  // namespace tapehead
