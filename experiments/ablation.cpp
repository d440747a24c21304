#include "experiments/ablation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <sstream>

#include "autograd/base/errors.hpp"
#include "autograd/base/limits.hpp"
#include "autograd/base/output_file.hpp"
#include "experiments/data_report.hpp"
#include "experiments/json.hpp"
#include "experiments/table.hpp"

namespace tapehead {
namespace {

namespace fs = std::filesystem;

std::string result_in(const std::string& folder) { return folder + "/result.json"; }

const char* name_of(Split split) { return split == Split::test ? "test" : "validation"; }

Json to_json(const RunResult& result, Split split) {
  if (!result.diverged.empty()) return {{"split", name_of(split)}, {"diverged", result.diverged}};
  Json object = to_json(result.evaluation);
  object["split"] = name_of(split);
  object["steps"] = result.steps;
  object["parameters"] = result.parameters;
  object["seconds"] = result.seconds;
  object["parameter_digest"] = result.parameter_digest;
  return object;
}

RunResult read_result(const std::string& path, Split split) {
  try {
    const Json object = Json::parse(read_file(path));
    if (const std::string there = object.at("split"); there != name_of(split)) {
      throw ConfigError(fmt::format("{}: holds the result on the {} split, not {}; choose another --out", path, there,
                                    name_of(split)));
    }
    if (object.contains("diverged")) return {.diverged = object.at("diverged").get<std::string>()};
    // JSON has no number that is not finite; to_json has written null.
    const double loss =
        object.at("loss").is_null() ? std::numeric_limits<double>::quiet_NaN() : double(object.at("loss"));
    return {.evaluation = {.loss = loss,
                           .perplexity = std::exp(loss),
                           .token_accuracy = object.at("token_accuracy"),
                           .exact_match = object.at("exact_match"),
                           .sequences = object.at("sequences"),
                           .tokens = object.at("tokens")},
            .steps = object.at("steps"),
            .parameters = object.at("parameters"),
            .seconds = object.at("seconds"),
            .parameter_digest = object.at("parameter_digest")};
  } catch (const Json::exception&) {
    throw ConfigError(fmt::format("{}: is damaged; remove it, and the run is evaluated again", path));
  }
}

// A folder from an earlier call must hold the same run, or its result would be taken for this one's.
void require_same_config(const PlannedRun& run) {
  const std::string path = run.folder + "/config.cfg";
  if (!file_exists(path)) return;
  std::istringstream saved(read_file(path));
  std::istringstream planned(run.settings.config_text());
  std::string was;
  std::string is;
  while (true) {
    const bool more_saved = !!std::getline(saved, was);
    const bool more_planned = !!std::getline(planned, is);
    if (!more_saved && !more_planned) return;
    if (more_saved != more_planned || was != is) break;
  }
  throw ConfigError(fmt::format("{}: holds another run ({} there, {} now); choose another --out", run.folder,
                                was.empty() ? "nothing" : was, is.empty() ? "nothing" : is));
}

PlannedRun plan_run(const Ablation& ablation, std::size_t cell, const Settings& settled, std::int64_t seed,
                    const std::string& folder) {
  const std::string name = ablation.cells[cell].name(ablation.variations, '_');
  PlannedRun run{cell, seed, (fs::path(folder) / name / fmt::format("seed={}", seed)).string(), settled, {}};
  run.settings.resolve("seed", std::to_string(seed));
  require_same_config(run);
  if (file_exists(result_in(run.folder))) run.result = read_result(result_in(run.folder), ablation.split);
  return run;
}

void note_data(Ablation& ablation, const Dataset& dataset) {
  DataUse use = DataUse::only(ablation.split);
  use.training = use.validation = true;
  for (std::string& notice : data_notices(dataset, use)) {
    if (std::ranges::count(ablation.notices, notice) == 0) ablation.notices.push_back(std::move(notice));
  }
  ablation.seen_in_training.push_back(seen_in_training(dataset, ablation.split).value_or(0));
}

}  // namespace

Ablation plan_ablation(const Settings& base, std::vector<Variation> variations, std::int64_t seeds, Split split,
                       const std::string& folder) {
  const auto last_seed = static_cast<double>(base.integer("seed")) + static_cast<double>(seeds - 1);
  if (const double most = find_option("seed")->range.high; last_seed > most) {
    throw ConfigError(
        fmt::format("{}: {} seeds from there on go beyond {:.0f}; begin lower", base.where("seed"), seeds, most));
  }
  Ablation ablation{.variations = std::move(variations), .cells = {}, .runs = {}, .split = split};
  ablation.cells = expand_grid(base, ablation.variations);
  for (std::size_t cell = 0; cell < ablation.cells.size(); ++cell) {
    std::optional<Run> possible;
    try {
      possible = prepare_run(ablation.cells[cell].settings);
    } catch (const ConfigError& error) {
      throw ConfigError(fmt::format("{}: {}", ablation.cells[cell].name(ablation.variations), error.what()));
    }
    require_memory(memory_of(*possible), available_memory());
    if (possible->dataset->size(split) == 0) {
      throw ConfigError("ablate: the split to compare on holds no sequences; choose the other with --split");
    }
    note_data(ablation, *possible->dataset);
    for (std::int64_t s = 0; s < seeds; ++s) {
      ablation.runs.push_back(plan_run(ablation, cell, possible->settings, base.integer("seed") + s, folder));
    }
  }
  return ablation;
}

bool carry_out(PlannedRun& planned, Split split, TrainingObserver& observer, const std::atomic<bool>* stop) {
  const Run run = prepare_run(planned.settings);
  const bool resume = file_exists(checkpoint_in(planned.folder));
  RunOutcome outcome;
  try {
    outcome = execute_run(run, planned.folder, resume, observer, stop, split);
  } catch (const NonfiniteError& error) {
    planned.result = RunResult{.diverged = error.what()};
    write_file(result_in(planned.folder), to_text(to_json(*planned.result, split), 2) + "\n");
    return true;
  }
  if (outcome.interrupted) return false;
  planned.result = RunResult{.evaluation = *outcome.held_out,
                             .steps = outcome.step,
                             .parameters = run.model.layout().parameter_count(),
                             .seconds = outcome.seconds,
                             .parameter_digest = outcome.parameter_digest};
  write_file(result_in(planned.folder), to_text(to_json(*planned.result, split), 2) + "\n");
  return true;
}

std::vector<Figure> figures_of(const Ablation& ablation, std::size_t cell) {
  std::vector<double> loss, perplexity, token_accuracy, exact_match, seconds;
  for (const PlannedRun& run : ablation.runs) {
    if (run.cell != cell || !run.result || !run.result->diverged.empty()) continue;
    loss.push_back(run.result->evaluation.loss);
    perplexity.push_back(run.result->evaluation.perplexity);
    token_accuracy.push_back(run.result->evaluation.token_accuracy);
    exact_match.push_back(run.result->evaluation.exact_match);
    seconds.push_back(run.result->seconds);
  }
  if (loss.empty()) return {};
  return {{"loss", spread_of(loss)},
          {"perplexity", spread_of(perplexity)},
          {"token_accuracy", spread_of(token_accuracy)},
          {"exact_match", spread_of(exact_match)},
          {"seconds", spread_of(seconds)}};
}

std::string runs_csv(const Ablation& ablation) {
  std::vector<std::string> titles;
  for (const Variation& variation : ablation.variations) titles.emplace_back(variation.option->name);
  for (const char* title : {"seed", "loss", "perplexity", "token_accuracy", "exact_match", "sequences", "steps",
                            "parameters", "seconds", "parameter_digest", "diverged"}) {
    titles.emplace_back(title);
  }
  Table table(std::move(titles));
  for (const PlannedRun& run : ablation.runs) {
    if (!run.result) continue;
    const RunResult& result = *run.result;
    const Evaluation& e = result.evaluation;
    std::vector<std::string> row = ablation.cells[run.cell].values;
    if (!result.diverged.empty()) {
      row.push_back(fmt::format("{}", run.seed));
      row.resize(row.size() + 9);
      row.push_back(result.diverged);
      table.add(std::move(row));
      continue;
    }
    for (std::string field :
         {fmt::format("{}", run.seed), fmt::format("{}", e.loss), fmt::format("{}", e.perplexity),
          fmt::format("{}", e.token_accuracy), fmt::format("{}", e.exact_match), fmt::format("{}", e.sequences),
          fmt::format("{}", result.steps), fmt::format("{}", result.parameters), fmt::format("{:.3f}", result.seconds),
          result.parameter_digest, std::string()}) {
      row.push_back(std::move(field));
    }
    table.add(std::move(row));
  }
  return table.csv();
}

std::string summary_csv(const Ablation& ablation) {
  std::vector<std::string> titles;
  for (const Variation& variation : ablation.variations) titles.emplace_back(variation.option->name);
  titles.emplace_back("runs");
  titles.emplace_back("diverged");
  for (const char* name : {"loss", "perplexity", "token_accuracy", "exact_match", "seconds"}) {
    titles.push_back(fmt::format("{}_mean", name));
    titles.push_back(fmt::format("{}_deviation", name));
  }
  const std::size_t columns = titles.size();
  Table table(std::move(titles));
  for (std::size_t cell = 0; cell < ablation.cells.size(); ++cell) {
    const std::vector<Figure> figures = figures_of(ablation, cell);
    if (figures.empty() && diverged_runs(ablation, cell) == 0) continue;
    std::vector<std::string> row = ablation.cells[cell].values;
    row.push_back(fmt::format("{}", finished_runs(ablation, cell)));
    row.push_back(fmt::format("{}", diverged_runs(ablation, cell)));
    for (const Figure& figure : figures) {
      row.push_back(fmt::format("{}", figure.spread.mean));
      row.push_back(figure.spread.deviation ? fmt::format("{}", *figure.spread.deviation) : "");
    }
    row.resize(columns);
    table.add(std::move(row));
  }
  return table.csv();
}

std::int64_t finished_runs(const Ablation& ablation, std::size_t cell) {
  std::int64_t count = 0;
  for (const PlannedRun& run : ablation.runs) count += run.cell == cell && run.result && run.result->diverged.empty();
  return count;
}

std::int64_t diverged_runs(const Ablation& ablation, std::size_t cell) {
  std::int64_t count = 0;
  for (const PlannedRun& run : ablation.runs) count += run.cell == cell && run.result && !run.result->diverged.empty();
  return count;
}

}  // namespace tapehead
