#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "autograd/base/errors.hpp"
#include "autograd/base/output_file.hpp"
#include "experiments/ablation.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/interrupt.hpp"
#include "experiments/json.hpp"
#include "experiments/progress.hpp"
#include "experiments/table.hpp"

namespace tapehead {
namespace {

std::string spread_text(const Spread& spread) {
  if (!spread.deviation) return fmt::format("{:.4f}", spread.mean);
  return fmt::format("{:.4f} ± {:.4f}", spread.mean, *spread.deviation);
}

std::string as_table(const Ablation& ablation) {
  std::vector<std::string> titles;
  for (const Variation& variation : ablation.variations) titles.emplace_back(variation.option->name);
  for (const char* title : {"runs", "loss", "perplexity", "token accuracy", "exact match", "seconds"}) {
    titles.emplace_back(title);
  }
  // A column only where there is something to say: with made data there never is.
  const bool seen = std::ranges::any_of(ablation.seen_in_training, [](std::int64_t count) { return count > 0; });
  if (seen) titles.emplace_back("seen in training");
  const std::size_t columns = titles.size();
  Table table(std::move(titles));
  for (std::size_t cell = 0; cell < ablation.cells.size(); ++cell) {
    std::vector<std::string> row = ablation.cells[cell].values;
    const std::int64_t diverged = diverged_runs(ablation, cell);
    row.push_back(fmt::format("{}{}", finished_runs(ablation, cell),
                              diverged > 0 ? fmt::format(" ({} diverged)", diverged) : ""));
    for (const Figure& figure : figures_of(ablation, cell)) row.push_back(spread_text(figure.spread));
    if (seen) {
      row.resize(columns - 1);
      row.push_back(fmt::format("{}", ablation.seen_in_training[cell]));
    }
    table.add(std::move(row));
  }
  return table.text();
}

Json as_json(const Ablation& ablation) {
  Json cells = Json::array();
  for (std::size_t cell = 0; cell < ablation.cells.size(); ++cell) {
    Json options = Json::object();
    for (std::size_t i = 0; i < ablation.variations.size(); ++i) {
      std::string key(ablation.variations[i].option->name);
      std::ranges::replace(key, '-', '_');
      options[key] = ablation.cells[cell].values[i];
    }
    Json object{{"options", std::move(options)},
                {"runs", finished_runs(ablation, cell)},
                {"diverged", diverged_runs(ablation, cell)},
                {"seen_in_training", ablation.seen_in_training[cell]}};
    for (const auto& [name, spread] : figures_of(ablation, cell)) {
      object[name] = {{"mean", spread.mean}, {"deviation", spread.deviation ? Json(*spread.deviation) : Json(nullptr)}};
    }
    cells.push_back(std::move(object));
  }
  return {{"cells", std::move(cells)}};
}

void write_tables(const Ablation& ablation, const std::string& folder) {
  write_file(folder + "/runs.csv", runs_csv(ablation));
  write_file(folder + "/summary.csv", summary_csv(ablation));
}

// One run after another; false if a signal asked to end.
bool carry_out_all(Ablation& ablation, const Settings& settings, const InterruptGuard& interrupt, Console& console) {
  const std::string& folder = settings.text("out");
  const auto total = ablation.runs.size();
  for (std::size_t i = 0; i < total; ++i) {
    PlannedRun& run = ablation.runs[i];
    const std::string name = fmt::format("{} seed={}", ablation.cells[run.cell].name(ablation.variations), run.seed);
    const std::string label = fmt::format("[{}/{}] {}  ", i + 1, total, name);
    if (run.result) {
      console.err << label << "finished before\n";
      continue;
    }
    try {
      ProgressDisplay progress(console.err, console.err_is_terminal, run.settings.integer("log-every"), label);
      if (!carry_out(run, ablation.split, progress, interrupt.flag())) return false;
    } catch (const Error& error) {
      throw Error(fmt::format("{}: {}", name, error.what()));
    }
    write_tables(ablation, folder);
    if (*interrupt.flag() && i + 1 < total) return false;
  }
  return true;
}

}  // namespace

int run_ablate(const Invocation& invocation, Console& console) {
  Settings settings = invocation.settings;
  read_preset_or_config(settings, invocation.subject);
  std::vector<Variation> variations;
  for (const std::string& text : settings.list("vary")) variations.push_back(parse_variation(text));
  const bool varies_task = std::ranges::any_of(variations, [](const auto& v) { return v.option->name == "task"; });
  if (invocation.subject.empty() && !settings.given("config") && !settings.given("task") && !settings.given("train") &&
      !varies_task) {
    throw ConfigError("ablate: say what to train: a preset (see tapehead list), --config FILE, --task or --train FILE");
  }
  const std::string& folder = settings.text("out");
  Ablation ablation = plan_ablation(settings, std::move(variations), settings.integer("seeds"),
                                    parse_split(settings.text("split")), folder);
  for (const std::string& notice : ablation.notices) console.err << notice << '\n';
  make_out_folder(folder);
  const InterruptGuard interrupt;
  if (!carry_out_all(ablation, settings, interrupt, console)) {
    console.err << "stopped and saved; go on with the same command\n";
    return interrupt.status();
  }
  write_tables(ablation, folder);
  console.out << (settings.flag("json") ? to_text(as_json(ablation)) + "\n" : as_table(ablation));
  console.err << fmt::format("every run: {0}/runs.csv; mean and standard deviation: {0}/summary.csv\n", folder);
  return kDone;
}

}  // namespace tapehead
