#include "experiments/report/ablation_tables.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "autograd/base/counted.hpp"
#include "experiments/report/figures.hpp"
#include "experiments/report/slice_tables.hpp"
#include "experiments/report/table.hpp"
#include "experiments/report/text_width.hpp"

namespace tapehead {
namespace {

constexpr const char* kStepTime = "ms_a_step";

bool has_result(const PlannedRun& run) { return run.result && run.result->diverged.empty(); }

// Of any run that has a result: one build evaluates all runs alike.
const std::vector<Result>& metrics_of(const Ablation& ablation) {
  static const std::vector<Result> none;
  const auto found = std::ranges::find_if(ablation.runs, has_result);
  return found == ablation.runs.end() ? none : found->result->judged.metrics;
}

std::vector<std::string> metric_names(const Ablation& ablation, bool with_counts) {
  std::vector<std::string> names;
  for (const Result& metric : metrics_of(ablation)) {
    if (with_counts || !metric.counts()) names.push_back(metric.name);
  }
  return names;
}

// Columns for people, where there is room for few: the common metrics and headlines; the files have all. And which of
// them go first where there is too little room: the loss last, and what stands beside it (see beside_loss) never.
struct ShownColumns {
  std::vector<std::string> names, expendable;

  bool contains(const std::string& name) const { return std::ranges::find(names, name) != names.end(); }
};

ShownColumns shown_columns(const Ablation& ablation, const std::vector<std::size_t>& cells) {
  ShownColumns shown;
  const auto is_headline = [&](const std::string& name) {
    return std::ranges::any_of(cells, [&](std::size_t cell) { return ablation.headlines[cell] == name; });
  };
  for (const Result& metric : metrics_of(ablation)) {
    if (metric.common || is_headline(metric.name)) shown.names.push_back(metric.name);
  }
  shown.expendable.emplace_back("seconds");
  shown.expendable.emplace_back("ms a step");
  for (const std::string& name : shown.names) {
    const bool stays = name == "loss" || name == shown.names.back() || is_headline(name);
    if (!stays) shown.expendable.push_back(plain_name(name));
  }
  shown.expendable.insert(shown.expendable.end(), {"runs", "loss"});
  shown.names.insert(shown.names.end(), {"seconds", kStepTime});
  return shown;
}

std::optional<Spread> spread_of_known(const std::vector<double>& values) {
  return values.empty() ? std::nullopt : std::optional(spread_of(values));
}

// "best" or "last", of the first run that has a result; empty if none has.
std::string judged_weights(const Ablation& ablation, std::size_t cell) {
  for (const PlannedRun& run : ablation.runs_of(cell)) {
    if (has_result(run)) return run.result->judged.checkpoint == "best.h5" ? "best" : "last";
  }
  return {};
}

bool others_are_last(const Ablation& ablation, std::size_t cell) {
  return std::ranges::any_of(ablation.runs_of(cell),
                             [](const auto& run) { return has_result(run) && run.result->last; });
}

std::string number(const std::optional<double>& value) { return value ? fmt::format("{}", *value) : ""; }

std::string figure_text(double value) {
  return std::abs(value) < 1e6 ? fmt::format("{:.4f}", value) : fmt::format("{:.4g}", value);
}

std::string spread_text(const std::optional<Spread>& spread) {
  if (!spread) return "–";
  if (!spread->deviation) return figure_text(spread->mean);
  return fmt::format("{} ± {}", figure_text(spread->mean), figure_text(*spread->deviation));
}

std::vector<std::string> option_names(const Ablation& ablation) {
  std::vector<std::string> names;
  for (const Variation& variation : ablation.variations) names.emplace_back(variation.option->name);
  return names;
}

std::string table_of(const Ablation& ablation, const std::vector<std::size_t>& cells, Weights weights,
                     std::size_t width) {
  std::vector<std::string> metrics = metric_names(ablation, false);
  metrics.insert(metrics.end(), {"seconds", kStepTime});
  std::vector<std::string> titles = option_names(ablation);
  titles.emplace_back("runs");
  const ShownColumns shown = shown_columns(ablation, cells);
  for (const std::string& metric : metrics) {
    if (shown.contains(metric)) titles.push_back(plain_name(metric));
  }
  // A column only where there is something to say: with made data there never is.
  const bool seen = std::ranges::any_of(cells, [&](std::size_t cell) { return ablation.seen_in_training[cell] > 0; });
  if (seen) titles.emplace_back("seen in training");
  Table table(std::move(titles));
  for (const std::size_t cell : cells) {
    std::vector<std::string> row = ablation.cells[cell].values;
    const std::int64_t diverged = diverged_runs(ablation, cell);
    row.push_back(fmt::format("{}{}", finished_runs(ablation, cell),
                              diverged > 0 ? fmt::format(" ({} diverged)", diverged) : ""));
    const std::vector<Figure> figures = figures_of(ablation, cell, weights);
    for (std::size_t i = 0; i < metrics.size(); ++i) {
      if (shown.contains(metrics[i])) row.push_back(figures.empty() ? "–" : spread_text(figures[i].spread));
    }
    if (seen) row.push_back(fmt::format("{}", ablation.seen_in_training[cell]));
    table.add(std::move(row));
  }
  table.may_leave_out(shown.expendable);
  return table.text(width);
}

// What is judged on what: "judged on 77 test sequences, 8 target words: the weights with the lowest validation loss".
std::string heading(const Ablation& ablation, const std::vector<std::size_t>& cells) {
  std::string best, last;
  std::set<std::string> by;
  for (const std::size_t cell : cells) {
    const std::string weights = judged_weights(ablation, cell);
    const Settings settings = ablation.cells[cell].settings(ablation.base, ablation.variations);
    if (weights == "best") by.insert(best_by(settings.text("best-metric")));
    std::string& names = weights == "best" ? best : last;
    if (!weights.empty()) names += (names.empty() ? "" : ", ") + ablation.cells[cell].name(ablation.variations);
  }
  std::string text = fmt::format(
      "judged on {}, {}",
      counted(ablation.held_out_sequences(cells.front()).count, fmt::format("{} sequence", name_of(ablation.split))),
      counted(ablation.target_words(cells.front()).count, "target word"));
  if (!best.empty() && !last.empty()) {
    text += fmt::format(": the weights with the {}, but the last ones of {}", fmt::join(by, " or "), last);
  } else if (!best.empty()) {
    text += fmt::format(": the weights with the {}, best.h5", fmt::join(by, " or "));
  } else {
    text += ": the last weights, checkpoint.h5";
  }
  return text;
}

Json json_of(const std::vector<Figure>& figures) {
  Json object = Json::object();
  for (const auto& [name, spread] : figures) {
    if (!spread) {
      object[name] = nullptr;
    } else {
      object[name] = {{"mean", spread->mean},
                      {"deviation", spread->deviation ? Json(*spread->deviation) : Json(nullptr)}};
    }
  }
  return object;
}

void add_figures(std::vector<std::string>& row, const std::vector<Figure>& figures, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::optional<Spread> spread = figures.empty() ? std::nullopt : figures[i].spread;
    row.push_back(spread ? fmt::format("{}", spread->mean) : "");
    row.push_back(spread ? number(spread->deviation) : "");
  }
}

}  // namespace

std::int64_t finished_runs(const Ablation& ablation, std::size_t cell) {
  return std::ranges::count_if(ablation.runs_of(cell), has_result);
}

std::int64_t diverged_runs(const Ablation& ablation, std::size_t cell) {
  return std::ranges::count_if(ablation.runs_of(cell),
                               [](const auto& run) { return run.result && !run.result->diverged.empty(); });
}

std::vector<Figure> figures_of(const Ablation& ablation, std::size_t cell, Weights weights) {
  if (finished_runs(ablation, cell) == 0) return {};
  std::vector<Figure> figures;
  const auto add = [&](const std::string& name, const auto& value_of) {
    std::vector<double> values;
    for (const PlannedRun& run : ablation.runs_of(cell)) {
      if (!has_result(run)) continue;
      if (const std::optional<double> value = value_of(*run.result)) values.push_back(*value);
    }
    figures.push_back({name, spread_of_known(values)});
  };
  for (const std::string& name : metric_names(ablation, false)) {
    add(name, [&](const RunResult& result) {
      return (weights == Weights::judged ? result.judged : result.of_last()).metric(name);
    });
  }
  add("seconds", [](const RunResult& result) { return std::optional(result.seconds); });
  add(kStepTime, [](const RunResult& result) {
    return result.steps == 0 ? std::nullopt : std::optional(1e3 * result.seconds / static_cast<double>(result.steps));
  });
  return figures;
}

std::vector<std::vector<std::size_t>> comparable_cells(const Ablation& ablation) {
  std::map<std::string, std::size_t> group_of;
  std::vector<std::vector<std::size_t>> groups;
  for (std::size_t cell = 0; cell < ablation.cells.size(); ++cell) {
    const auto [group, fresh] = group_of.emplace(ablation.held_out(cell), groups.size());
    if (fresh) groups.emplace_back();
    groups[group->second].push_back(cell);
  }
  return groups;
}

std::string runs_csv(const Ablation& ablation) {
  const std::vector<std::string> metrics = metric_names(ablation, true);
  const std::vector<std::string> last_metrics = metric_names(ablation, false);
  std::vector<std::string> titles = option_names(ablation);
  titles.emplace_back("seed");
  for (const std::string& name : metrics) titles.push_back(name);
  for (const char* title : {"checkpoint", "step", "parameter_digest"}) titles.emplace_back(title);
  for (const std::string& name : last_metrics) titles.push_back("last_" + name);
  for (const char* title :
       {"last_parameter_digest", "steps", "skipped_steps", "parameters", "seconds", "held_out", "diverged"}) {
    titles.emplace_back(title);
  }
  const std::size_t columns = titles.size();
  Table table(std::move(titles));
  for (const PlannedRun& run : ablation.runs) {
    if (!run.result) continue;
    const RunResult& result = *run.result;
    std::vector<std::string> row = ablation.cells[run.cell].values;
    row.push_back(fmt::format("{}", run.seed));
    if (result.diverged.empty()) {
      for (const std::string& name : metrics) row.push_back(number(result.judged.metric(name)));
      row.push_back(result.judged.checkpoint);
      row.push_back(fmt::format("{}", result.judged.step));
      row.push_back(result.judged.parameter_digest);
      for (const std::string& name : last_metrics) row.push_back(number(result.of_last().metric(name)));
      row.push_back(result.of_last().parameter_digest);
      row.push_back(fmt::format("{}", result.steps));
      row.push_back(fmt::format("{}", result.skipped_steps));
      row.push_back(fmt::format("{}", result.parameters));
      row.push_back(fmt::format("{:.3f}", result.seconds));
    }
    row.resize(columns - 2);
    row.push_back(ablation.held_out(run.cell));
    row.push_back(result.diverged);
    table.add(std::move(row));
  }
  return table.csv();
}

std::string summary_csv(const Ablation& ablation) {
  std::vector<std::string> metrics = metric_names(ablation, false);
  std::vector<std::string> titles = option_names(ablation);
  for (const char* title : {"runs", "diverged", "sequences", "held_out", "weights"}) titles.emplace_back(title);
  const std::size_t last_metrics = metrics.size();  // times are the same
  metrics.insert(metrics.end(), {"seconds", kStepTime});
  for (const std::string& name : metrics) {
    titles.push_back(name + "_mean");
    titles.push_back(name + "_deviation");
  }
  for (std::size_t i = 0; i < last_metrics; ++i) {
    titles.push_back(fmt::format("last_{}_mean", metrics[i]));
    titles.push_back(fmt::format("last_{}_deviation", metrics[i]));
  }
  Table table(std::move(titles));
  for (std::size_t cell = 0; cell < ablation.cells.size(); ++cell) {
    const std::int64_t finished = finished_runs(ablation, cell);
    const std::int64_t diverged = diverged_runs(ablation, cell);
    if (finished == 0 && diverged == 0) continue;
    std::vector<std::string> row = ablation.cells[cell].values;
    row.push_back(fmt::format("{}", finished));
    row.push_back(fmt::format("{}", diverged));
    row.push_back(fmt::format("{}", ablation.held_out_sequences(cell).count));
    row.push_back(ablation.held_out(cell));
    row.push_back(judged_weights(ablation, cell));
    add_figures(row, figures_of(ablation, cell, Weights::judged), metrics.size());
    add_figures(row, figures_of(ablation, cell, Weights::last), last_metrics);
    table.add(std::move(row));
  }
  return table.csv();
}

std::string tables_text(const Ablation& ablation, std::size_t width) {
  const auto groups = comparable_cells(ablation);
  std::string text;
  if (groups.size() > 1) {
    text +=
        wrapped("cells with other held-out sequences or other words have tables of their own: they cannot be compared",
                width) +
        "\n\n";
  }
  for (const auto& cells : groups) {
    if (&cells != groups.data()) text += "\n";
    text += wrapped(heading(ablation, cells), width) + "\n" + table_of(ablation, cells, Weights::judged, width);
    if (std::ranges::any_of(cells, [&](std::size_t cell) { return others_are_last(ablation, cell); })) {
      text += "\n" + wrapped("the last weights of the same runs, checkpoint.h5", width) + "\n" +
              table_of(ablation, cells, Weights::last, width);
    }
    text += slice_tables_text(ablation, cells, width);
  }
  bool diverged = false;
  for (std::size_t cell = 0; cell < ablation.cells.size(); ++cell) diverged |= diverged_runs(ablation, cell) > 0;
  if (diverged) {
    text += "\n" +
            wrapped("means leave out runs that diverged: a cell that has any does worse than its means say", width) +
            "\n";
  }
  return text;
}

Json tables_json(const Ablation& ablation) {
  Json cells = Json::array();
  for (std::size_t cell = 0; cell < ablation.cells.size(); ++cell) {
    Json options = Json::object();
    for (std::size_t i = 0; i < ablation.variations.size(); ++i) {
      std::string key(ablation.variations[i].option->name);
      std::ranges::replace(key, '-', '_');
      options[key] = ablation.cells[cell].values[i];
    }
    const std::string weights = judged_weights(ablation, cell);
    Json object{{"options", std::move(options)},
                {"runs", finished_runs(ablation, cell)},
                {"diverged", diverged_runs(ablation, cell)},
                {"seen_in_training", ablation.seen_in_training[cell]},
                {"sequences", ablation.held_out_sequences(cell).count},
                {"held_out", ablation.held_out(cell)},
                {"weights", weights.empty() ? Json(nullptr) : Json(weights)}};
    object.update(json_of(figures_of(ablation, cell, Weights::judged)));
    Json last = json_of(figures_of(ablation, cell, Weights::last));
    for (const char* time : {"seconds", kStepTime}) last.erase(time);
    object["last"] = std::move(last);
    cells.push_back(std::move(object));
  }
  return {{"cells", std::move(cells)}};
}

}  // namespace tapehead
