#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <ostream>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/output_file.hpp"
#include "autograd/base/text.hpp"
#include "experiments/program/command.hpp"
#include "experiments/program/interrupt.hpp"
#include "experiments/report/ablation_tables.hpp"
#include "experiments/report/progress.hpp"
#include "experiments/report/slice_tables.hpp"
#include "experiments/report/text_width.hpp"
#include "experiments/runs/ablation.hpp"
#include "experiments/runs/folder_lock.hpp"

namespace tapehead {
namespace {

// runs.csv and summary.csv as far as the runs are. Large grids take their time to write: then not after every run.
class TableFiles {
 public:
  explicit TableFiles(const Ablation& ablation) : ablation_(ablation) {}

  void write() {
    const auto begin = Clock::now();
    write_file(ablation_.folder + "/runs.csv", runs_csv(ablation_));
    write_file(ablation_.folder + "/summary.csv", summary_csv(ablation_));
    if (const std::string slices = slices_csv(ablation_); !slices.empty()) {
      write_file(ablation_.folder + "/slices.csv", slices);
    }
    const auto end = Clock::now();
    next_ = end + 20 * (end - begin);
  }
  void write_if_due() {
    if (Clock::now() >= next_) write();
  }

 private:
  using Clock = std::chrono::steady_clock;
  const Ablation& ablation_;
  Clock::time_point next_ = Clock::now();
};

std::int64_t finished_of(const Ablation& ablation) {
  return std::ranges::count_if(ablation.runs, [](const PlannedRun& run) { return run.result.has_value(); });
}

// "6 runs: 2 cells with 3 seeds each".
std::string size_text(std::int64_t runs, std::int64_t seeds) {
  return fmt::format("{}: {} with {} each", counted(runs, "run"), counted(runs / seeds, "cell"),
                     counted(seeds, "seed"));
}

// One run after another; false if a signal asked to end.
bool carry_out_all(Ablation& ablation, DataCache& cache, TableFiles& files, const std::atomic<bool>* stop,
                   Console& console) {
  const auto total = ablation.runs.size();
  for (std::size_t i = 0; i < total; ++i) {
    PlannedRun& run = ablation.runs[i];
    const std::string name = ablation.name_of(run);
    const std::string label = fmt::format("[{}/{}] {}  ", i + 1, total, name);
    if (run.result) {
      console.err << printable(label) << "finished before\n";
      continue;
    }
    if (*stop) return false;
    try {
      const Settings cell = ablation.cells[run.cell].settings(ablation.base, ablation.variations);
      ProgressDisplay progress(console.err, console.err_is_terminal, cell.integer("log-every"), label);
      if (!carry_out(ablation, run, cache, progress, stop)) return false;
    } catch (const Error& error) {
      throw Error(fmt::format("{}: {}", name, error.what()));
    }
    if (!run.result->diverged.empty()) console.err << label << "diverged: " << one_line(run.result->diverged) << '\n';
    files.write_if_due();
  }
  return true;
}

int run_ablate(const Invocation& invocation, Console& console) {
  Settings settings = invocation.settings;
  read_preset_or_config(settings, invocation.subject);
  std::vector<Variation> variations;
  for (const std::string& text : settings.list("vary")) variations.push_back(parse_variation(text));
  for (const Variation& variation : variations) {
    const std::string_view name = variation.option->name;
    if (settings.origin(name) != Origin::command_line) continue;
    throw ConfigError(fmt::format("--{}: is varied, too, by --vary {}=…; leave one of the two out", name, name));
  }
  const bool varies_task = std::ranges::any_of(variations, [](const auto& v) { return v.option->name == "task"; });
  if (invocation.subject.empty() && !varies_task) require_something_to_train("ablate", settings);
  const std::int64_t seeds = settings.integer("seeds");
  const std::int64_t runs = count_runs(settings, variations, seeds);
  console.err << size_text(runs, seeds) << std::endl;

  ResultFolder folder(settings.text("out"), "ablate");
  if (holds_run(folder.path())) {
    throw ConfigError(fmt::format("{}: holds a run; choose another --out", folder.path()));
  }
  DataCache cache;
  Ablation ablation = plan_ablation(settings, std::move(variations), seeds, parse_split(settings.text("split")),
                                    settings.text("out"), cache);
  for (const std::string& notice : ablation.notices) console.err << printable(notice) << '\n';
  folder.make();
  if (const auto warning = folder.warning()) console.err << "warning: " << printable(*warning) << '\n';
  TableFiles files(ablation);
  const InterruptGuard interrupt;
  const bool done = carry_out_all(ablation, cache, files, interrupt.flag(), console);
  files.write();
  if (!done) {
    console.err << fmt::format("stopped and saved; {} of {} runs are finished; go on with the same command\n",
                               finished_of(ablation), runs);
    return interrupt.status();
  }
  console.out << (settings.flag("json") ? to_text(tables_json(ablation)) + "\n" : tables_text(ablation, console.width));
  console.err << wrapped(fmt::format("every run: {0}/runs.csv; mean and standard deviation: {0}/summary.csv",
                                     printable(ablation.folder)),
                         console.width, 2)
              << '\n';
  return kDone;
}

}  // namespace

Command command_ablate() {
  return {.name = "ablate",
          .subject = "[PRESET]",
          .summary = "Trains a grid of variations with several seeds; prints mean and standard deviation of each",
          .example = "tapehead ablate copy --vary heads=1,2,4 --vary scale=inv_sqrt_dk,none --seeds 3 --out runs/heads",
          .run_options = true,
          .options = {{"config"},
                      {"out"},
                      {.name = "vary",
                       .kind = OptionKind::text,
                       .help = "option and its values; several of these make a grid",
                       .placeholder = "NAME=A,B,…",
                       .common = true,
                       .repeatable = true},
                      {.name = "seeds",
                       .kind = OptionKind::integer,
                       .fallback = "3",
                       .range = {1, 10000},
                       .help = "runs of each cell, with seeds from --seed on",
                       .when = "more make differences surer",
                       .common = true},
                      {"split"},
                      {"json"}},
          .required = {"out", "vary"},
          .run = run_ablate};
}

}  // namespace tapehead
