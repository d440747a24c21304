#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ostream>

#include "autograd/base/counted.hpp"
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

// A space or the end of a line is a token of a model of characters, and nobody would see it.
std::vector<std::string> visible(std::vector<std::string> tokens) {
  for (std::string& token : tokens) {
    if (token == " ") token = "␣";
    if (token == "\n") token = "↵";
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
  Json object{{"source", maps.source},        {"output", maps.output},    {"layer", layer.layer},
              {"queries", layer.queries},     {"keys", layer.keys},       {"rows", layer.rows_are},
              {"columns", layer.columns_are}, {"heads", std::move(heads)}};
  if (!maps.image) return object;
  object["image"] = to_json(maps.image->pixels);
  object["rollout"] = maps.image->rollout ? to_json(*maps.image->rollout) : Json(nullptr);
  return object;
}

// What somebody typed, or a held-out example.
SequencePair question_of(const Trained& trained, const Settings& settings, Console& console) {
  if (settings.given("input") == settings.given("example")) {
    throw ConfigError(
        "inspect: say what is looked at: a line with --input, or an example that is held out with --example");
  }
  if (settings.given("input")) return trained.question(settings.text("input"));
  std::string warning;
  const std::unique_ptr<Dataset> dataset = data_of(trained, settings, NeededData::held_out, warning);
  if (!warning.empty()) console.err << one_line(warning) << '\n';
  const Split split = parse_split(settings.text("split"));
  const std::int64_t wanted = settings.integer("example");
  if (wanted >= dataset->size(split)) {
    throw ConfigError(fmt::format("--example: the {} split has {}, counted from 0, and {} is none of them",
                                  name_of(split), counted(dataset->size(split), "example"), wanted));
  }
  return dataset->example(split, wanted);
}

// Numbers of the patches over the image, the largest as bright as can be.
HeatMapPanel over_the_image(const SeenImage& image, const std::string& title, std::span<const double> numbers) {
  Matrix map = over_image(image.patches, numbers);
  const double largest = std::max(std::ranges::max(map.values), 1e-300);
  for (double& number : map.values) number /= largest;
  return {.title = fmt::format("{}, the brightest is {:.3g}", title, largest), .weights = std::move(map)};
}

// The image, what says its class attends to in each head, and the rollout over all layers.
std::vector<HeatMapPanel> image_panels(const SeenImage& image, const LayerMaps& layer, std::int64_t first,
                                       std::int64_t last) {
  std::vector<HeatMapPanel> panels{{.title = "the image", .weights = image.pixels}};
  const char* who = image.class_token ? "of the class token" : "of all patches";
  for (std::int64_t h = first; h < last; ++h) {
    panels.push_back(over_the_image(image, fmt::format("{}, head {}: attention {}", layer.layer, h, who),
                                    attention_to_patches(layer.heads[static_cast<std::size_t>(h)], image.class_token)));
  }
  if (image.rollout) {
    panels.push_back(over_the_image(image, fmt::format("rollout of attention over all layers, {}", who),
                                    attention_to_patches(*image.rollout, image.class_token)));
  }
  for (std::size_t i = 0; i + 1 < panels.size(); ++i) panels[i].labels.legend = false;
  return panels;
}

std::vector<HeatMapPanel> panels_of(const LineMaps& maps, const LayerMaps& layer, std::int64_t first,
                                    std::int64_t last) {
  if (maps.image) return image_panels(*maps.image, layer, first, last);
  std::vector<HeatMapPanel> panels;
  for (std::int64_t h = first; h < last; ++h) {
    panels.push_back({.title = fmt::format("{}, head {}", layer.layer, h),
                      .weights = layer.heads[static_cast<std::size_t>(h)],
                      .labels = {visible(layer.queries), visible(layer.keys)},
                      .rows_are = layer.rows_are,
                      .columns_are = layer.columns_are});
  }
  return panels;
}

int run_inspect(const Invocation& invocation, Console& console) {
  const Settings& settings = invocation.settings;
  const Trained trained = open_trained(invocation.subject);
  const LineMaps maps = attention_maps(trained, question_of(trained, settings, console));
  const LayerMaps& layer = choose_layer(maps, settings.text("layer"));
  const std::int64_t heads = std::ssize(layer.heads);
  const std::int64_t wanted = settings.integer("head");
  if (wanted >= heads)
    throw ConfigError(fmt::format("--head: {} has heads 0 to {}, not {}", layer.layer, heads - 1, wanted));
  const std::int64_t first = wanted < 0 ? 0 : wanted;
  const std::int64_t last = wanted < 0 ? heads : wanted + 1;

  const std::vector<HeatMapPanel> panels = panels_of(maps, layer, first, last);
  if (settings.given("svg")) write_file(settings.text("svg"), heat_map_svg(panels));
  if (settings.flag("json")) {
    console.out << to_text(as_json(maps, layer, first, last)) << '\n';
    return kDone;
  }
  const HeatMapStyle style = heat_map_style(settings.text("color"), console.out_is_terminal);
  if (!maps.image) {
    console.out << wrapped(printable(fmt::format("{}", fmt::join(visible(maps.source), " "))), console.width, 2)
                << '\n';
  }
  console.out << wrapped("→ " + printable(fmt::format("{}", fmt::join(visible(maps.output), " "))), console.width, 2)
              << '\n';
  if (!maps.image) {
    console.out << '\n'
                << wrapped(fmt::format("rows: {}; columns: {}", layer.rows_are, layer.columns_are), console.width)
                << '\n';
  }
  for (const HeatMapPanel& panel : panels) {
    console.out << fmt::format("\n{}\n", panel.title)
                << draw_heat_map(panel.weights, panel.labels, style, console.width);
  }
  return kDone;
}

}  // namespace

Command command_inspect() {
  return {
      .name = "inspect",
      .subject = "DIR|CHECKPOINT",
      .summary = "Draws what a trained model attends to as it reads one line or looks at one image",
      .example = "tapehead inspect runs/copy --input \"7 3 9 1\"",
      .options = {{.name = "input",
                   .kind = OptionKind::text,
                   .help = "what is looked at: a line that the model reads; of attend an HDF5 file with q, k and v, "
                           "(examples, heads, places, width), and what else it reads",
                   .placeholder = "\"TEXT\"",
                   .common = true},
                  {"example"},
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
                  {"split"},
                  {"train"},
                  {"valid"},
                  {"test"},
                  {"columns"},
                  {"svg"},
                  {"color"},
                  {"json"}},
      .conditions = {{"split", off("input")},
                     {"train", off("input")},
                     {"valid", off("input")},
                     {"test", off("input")},
                     {"columns", off("input")}},
      .run = run_inspect,
      .memory_advice = "give shorter lines"};
}

}  // namespace tapehead
