#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ostream>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/file.hpp"
#include "autograd/base/text.hpp"
#include "experiments/options/notices.hpp"
#include "experiments/program/command.hpp"
#include "experiments/program/interrupt.hpp"
#include "experiments/report/data_report.hpp"
#include "experiments/report/figures.hpp"
#include "experiments/report/json.hpp"
#include "experiments/report/progress.hpp"
#include "experiments/report/table.hpp"
#include "experiments/runs/folder_lock.hpp"
#include "experiments/runs/run.hpp"
#include "trainers/checkpoint/checkpoint.hpp"

namespace tapehead {
namespace {

// A run that was stopped before its first checkpoint has its configuration, and begins again.
Settings settings_to_resume(const Settings& given, const std::string& folder) {
  const std::string checkpoint = checkpoint_in(folder);
  const std::string config = config_in(folder);
  if (!file_exists(checkpoint) && file_exists(config)) {
    const std::string text = read_file(config);
    require_complete_config(text, config);
    return resume_settings(given, text, config);
  }
  const CheckpointReader reader(checkpoint);
  Settings settings = resume_settings(given, reader.meta().config, checkpoint + ": config");
  const auto done = static_cast<std::int64_t>(reader.meta().step);
  if (settings.integer("steps") < done) {
    throw ConfigError(fmt::format("{}: the run has done {} already, more than {}", given.where("steps"),
                                  counted(done, "step"), settings.text("steps")));
  }
  return settings;
}

Settings settings_of(const Invocation& invocation, const std::string& folder) {
  Settings settings = invocation.settings;
  read_preset_or_config(settings, invocation.subject);
  if (settings.flag("resume")) return settings_to_resume(settings, folder);
  if (invocation.subject.empty()) require_something_to_train("train", settings);
  if (file_exists(checkpoint_in(folder)) || file_exists(best_in(folder))) {
    throw ConfigError(
        fmt::format("{}: holds a run already; go on with it by --resume, or choose another folder", folder));
  }
  return settings;
}

void tell_of_text(const Dataset& dataset, Console& console) {
  if (const TextReport* report = dataset.reading()) {
    const std::string token = report->tokenizer == Tokenizer::words ? "word" : "character";
    console.err << fmt::format("{}; {}, {}\n", counted(report->training_pairs, "training pair"),
                               counted(dataset.source_vocabulary().words().size(), "source " + token),
                               counted(dataset.target_vocabulary().words().size(), "target " + token));
  }
  tell_of_data(dataset, DataUse::all(), console.err);
}

// What follows from the absence of validation data is said before it happens.
void tell_of_validation(const Run& run, Console& console) {
  if (run.dataset->size(Split::validation) > 0) return;
  const bool reads_files = run.config.source->reads_files();
  console.err << "no validation data (" << (reads_files ? "--valid FILE" : "--validation-size N")
              << "): nothing will say how well the model does, and the last weights are kept alone\n";
}

void tell_that_nothing_is_left(const Run& run, const RunOutcome& outcome, const std::string& folder, Console& console) {
  const TrainerOptions& options = run.config.trainer;
  std::string text;
  if (outcome.stopped_early) {
    const bool goal = !options.stop_when.empty();
    const bool patience = options.early_stop > 0;
    text = fmt::format("the run stopped early after step {}; nothing was trained; to go on, {}{}{}", outcome.step,
                       goal ? "give another --stop-when" : "", goal && patience ? " or " : "",
                       patience ? "raise --early-stop or set it to 0" : "");
  } else if (depends_on_steps(options.step.schedule)) {
    text = fmt::format(
        "the run has done all of its {}; nothing was trained; schedule {} ends there, so more steps are a "
        "run of their own",
        counted(options.steps, "step"), options.step.schedule.kind);
  } else {
    text = fmt::format("the run has done all of its {}; nothing was trained; to go on, raise --steps",
                       counted(options.steps, "step"));
  }
  console.err << printable(folder) << ": " << text << '\n';
}

Json as_json(const RunOutcome& outcome) {
  Json object{{"step", outcome.step},
              {"interrupted", outcome.interrupted},
              {"stopped_early", outcome.stopped_early},
              {"skipped_steps", outcome.skipped},
              {"seconds", outcome.seconds},
              {"checkpoint", outcome.checkpoint},
              {"parameter_digest", outcome.parameter_digest}};
  object["validation"] = outcome.validation ? to_json(*outcome.validation) : Json(nullptr);
  object["best"] = nullptr;
  if (outcome.best_step > 0) {
    object["best"] = {{"step", outcome.best_step},
                      {"validation_" + outcome.best_metric, outcome.best_value},
                      {"checkpoint", outcome.best_checkpoint}};
  }
  return object;
}

// `few`: how many sequences the validations on the way took; 0: all.
std::string as_table(const RunOutcome& outcome, std::int64_t few, std::size_t width) {
  Table table;
  table.add({"steps", fmt::format("{}", outcome.step)});
  if (outcome.stopped_early) table.add({"stopped early", "yes"});
  if (outcome.skipped > 0) table.add({"skipped steps", fmt::format("{}", outcome.skipped)});
  table.add({"seconds", fmt::format("{:.1f}", outcome.seconds)});
  if (outcome.validation) {
    table.add({"validation loss", figure(outcome.validation->value("loss"), 6)});
    if (const Result* other = beside_loss(*outcome.validation)) {
      table.add({"validation " + plain_name(other->name), figure(other->value)});
    }
  }
  if (outcome.best_step > 0) {
    table.add({"best weights", fmt::format("step {}, validation {} {:.6f}{}", outcome.best_step,
                                           plain_name(outcome.best_metric), outcome.best_value,
                                           few > 0 ? fmt::format(" on the first {}", counted(few, "sequence")) : "")});
    table.add({"best checkpoint", outcome.best_checkpoint});
  }
  table.add({outcome.best_step > 0 ? "last checkpoint" : "checkpoint", outcome.checkpoint});
  table.add({"parameter digest", outcome.parameter_digest});
  return table.text(width);
}

int run_train(const Invocation& invocation, Console& console) {
  const std::string folder = invocation.settings.text("out");
  ResultFolder place(folder, "train");
  if (holds_ablation(folder)) throw ConfigError(fmt::format("{}: holds an ablation; choose another --out", folder));
  const Run run = prepare_run(settings_of(invocation, folder));
  tell_of_settings(run.settings, console.err);
  tell_of_text(*run.dataset, console);
  tell_of_validation(run, console);
  const bool resume = invocation.settings.flag("resume") && file_exists(checkpoint_in(folder));
  if (invocation.settings.flag("resume") && !resume) {
    console.err << fmt::format("{}: stopped before its first checkpoint; begins again\n", printable(folder));
  }
  const InterruptGuard interrupt;
  const RunOutcome outcome = [&] {
    ProgressDisplay progress(console.err, console.err_is_terminal, run.config.trainer.log_every, {},
                             fmt::format("{}, {}, into {}", counted(run.model.layout().parameter_count(), "parameter"),
                                         counted(run.config.trainer.threads, "thread"), folder));
    return execute_run(run, place, resume, progress, interrupt.flag());
  }();

  if (resume && !outcome.interrupted && outcome.first_step == outcome.step)
    tell_that_nothing_is_left(run, outcome, folder, console);
  if (invocation.settings.flag("json")) {
    console.out << to_text(as_json(outcome)) << '\n';
  } else if (!outcome.interrupted) {
    const std::int64_t limit = run.config.trainer.validation_limit;
    console.out << as_table(outcome, limit < run.dataset->size(Split::validation) ? limit : 0, console.width);
  }
  if (!outcome.interrupted) return kDone;
  console.err << fmt::format("stopped after step {} of {} and saved; go on with: tapehead train --resume --out {}\n",
                             outcome.step, run.config.trainer.steps, printable(folder));
  return interrupt.status();
}

}  // namespace

Command command_train() {
  return {
      .name = "train",
      .subject = "[PRESET]",
      .summary = "Trains a model and writes what a run leaves into a folder",
      .example = "tapehead train copy --out runs/copy --seed 1",
      .run_options = true,
      .options = {{"config"},
                  {"out"},
                  {.name = "resume", .kind = OptionKind::flag, .help = "go on with the run in --out", .common = true},
                  {"json"}},
      .required = {"out"},
      .run = run_train};
}

}  // namespace tapehead
