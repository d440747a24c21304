#include "experiments/analysis/gradcheck.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ostream>

#include "autograd/base/errors.hpp"
#include "autograd/base/limits.hpp"
#include "autograd/base/output_file.hpp"
#include "experiments/analysis/leak_report.hpp"
#include "experiments/analysis/leak_subjects.hpp"
#include "experiments/analysis/taylor_report.hpp"
#include "experiments/analysis/trained_check.hpp"
#include "experiments/program/command.hpp"
#include "experiments/report/data_report.hpp"
#include "experiments/report/json.hpp"
#include "experiments/report/table.hpp"

namespace tapehead {
namespace {

void refuse_conflicts(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  if (settings.given("svg") && !settings.flag("leaks") && !settings.flag("taylor")) {
    throw ConfigError("--svg: does nothing without --leaks or --taylor");
  }
  if (settings.text("checkpoint").empty()) return;
  if (!invocation.subject.empty()) {
    throw ConfigError(
        fmt::format("gradcheck: \"{}\" chooses nothing of a checkpoint; leave it out", invocation.subject));
  }
  if (settings.flag("sharpness") && settings.given("precision") && settings.text("precision") == "float") {
    throw ConfigError("--precision: the sharpness is computed in double");
  }
}

// The option's own default is that of training.
CheckedPrecision precision_of(const Settings& settings) {
  const bool single = settings.given("precision") && settings.text("precision") == "float";
  return single ? CheckedPrecision::single_precision : CheckedPrecision::double_precision;
}

int print_sharpness(const LargestEigenvalue& found, const Trained& trained, const Settings& settings,
                    Console& console) {
  std::ostream& out = console.out;
  const std::uint64_t step = trained.reader->meta().step;
  if (settings.flag("json")) {
    out << to_text(Json{{"step", step},
                        {"sharpness", found.value},
                        {"residual", found.residual},
                        {"iterations", found.iterations},
                        {"converged", found.converged}})
        << '\n';
  } else {
    Table table;
    table.add({"step", fmt::format("{}", step)});
    table.add({"sharpness", fmt::format("{:.9g}", found.value)});
    table.add({"residual", fmt::format("{:.1e}", found.residual)});
    table.add({"iterations", fmt::format("{}", found.iterations)});
    table.add({"converged", found.converged ? "yes" : "no"});
    out << table.text(console.width);
  }
  return found.converged || settings.flag("allow-inconclusive") ? kDone : kCheckFailed;
}

int check(const GradcheckSubjects& subjects, const Settings& settings, Console& console) {
  const bool json = settings.flag("json");
  GradcheckOptions options{
      .check = {.seed = static_cast<std::uint64_t>(settings.integer("seed")), .precision = precision_of(settings)},
      .threads = thread_count(settings.integer("threads")),
      .allow_inconclusive = settings.flag("allow-inconclusive"),
      .progress = console.err_is_terminal ? &console.err : nullptr};
  if (!settings.text("checkpoint").empty()) options.seconds = 0;  // a trained model may be large
  const GradcheckResult result = gradcheck(subjects, options);
  console.out << (json ? gradcheck_json(result) : gradcheck_text(result, console.width));
  return result.passed() ? kDone : kCheckFailed;
}

int look_for_leaks(const std::vector<LeakSubject>& subjects, const Settings& settings, Console& console) {
  std::vector<ModelLeaks> results;
  for (const LeakSubject& subject : subjects) results.push_back(subject.find());
  if (settings.given("svg")) write_file(settings.text("svg"), leak_svg(results));
  if (settings.flag("json")) {
    console.out << leak_json(results);
  } else {
    console.out << leak_table(results, console.width);
    const HeatMapStyle style = heat_map_style(settings.text("color"), console.out_is_terminal);
    for (const ModelLeaks& leaks : results) {  // of many those that leak
      if (results.size() == 1 || !leaks.passed()) console.out << '\n' << leak_maps(leaks, style, console.width);
    }
  }
  return std::ranges::all_of(results, &ModelLeaks::passed) ? kDone : kCheckFailed;
}

int show_taylor(const std::vector<ProblemCase>& cases, const Settings& settings, Console& console) {
  constexpr std::size_t kMostPictures = 24;
  if (settings.given("svg") && cases.size() > kMostPictures) {
    throw ConfigError(fmt::format("--svg: {} cases, and one file holds {} pictures at most; choose fewer by a PATTERN",
                                  cases.size(), kMostPictures));
  }
  std::vector<TaylorTest> tests;
  for (const ProblemCase& each : cases) {
    tests.push_back(taylor_test(each, static_cast<std::uint64_t>(settings.integer("seed"))));
  }
  if (settings.given("svg")) write_file(settings.text("svg"), taylor_svg(tests));
  console.out << (settings.flag("json") ? taylor_json(tests) : taylor_text(tests, console.width));
  const bool undecided_is_fine = settings.flag("allow-inconclusive");
  const bool fine = std::ranges::all_of(tests, [&](const TaylorTest& test) {
    return test.verdict() == Verdict::pass || (undecided_is_fine && test.verdict() == Verdict::inconclusive);
  });
  return fine ? kDone : kCheckFailed;
}

int run_gradcheck(const Invocation& invocation, Console& console) {
  refuse_conflicts(invocation);
  const Settings& settings = invocation.settings;
  const std::string& checkpoint = settings.text("checkpoint");
  const bool leaks = settings.flag("leaks");
  if (checkpoint.empty() && leaks) return look_for_leaks(leak_subjects(invocation.subject), settings, console);
  const bool taylor = settings.flag("taylor");
  if (checkpoint.empty() && taylor) {
    return show_taylor(matching(all_subjects(), invocation.subject).cases, settings, console);
  }
  if (checkpoint.empty()) return check(matching(all_subjects(), invocation.subject), settings, console);
  const Trained trained = open_trained(checkpoint);
  std::string warning;  // none: the training data are needed
  const std::unique_ptr<Dataset> dataset = data_of(trained, settings, NeededData::training, warning);
  tell_of_data(*dataset, {.training = true}, console.err);
  if (leaks) return look_for_leaks({leak_subject(trained, *dataset)}, settings, console);
  if (taylor) return show_taylor({trained_problem(trained, *dataset)}, settings, console);
  if (!settings.flag("sharpness")) {
    return check({.cases = {trained_problem(trained, *dataset)}}, settings, console);
  }
  const auto seed = static_cast<std::uint64_t>(settings.integer("seed"));
  return print_sharpness(sharpness_of(trained, *dataset, seed), trained, settings, console);
}

}  // namespace

Command command_gradcheck() {
  return {
      .name = "gradcheck",
      .subject = "[PATTERN]",
      .summary = "Checks the derivatives of ops, layers and models, or of a trained one; exit status 1 if one fails",
      .example = "tapehead gradcheck softmax",
      .options = {{.name = "checkpoint",
                   .kind = OptionKind::path,
                   .help = "check this trained model on its own data, instead of ops, layers and models",
                   .placeholder = "DIR",
                   .common = true},
                  {.name = "sharpness",
                   .kind = OptionKind::flag,
                   .help = "largest eigenvalue of the loss's Hessian instead; with --checkpoint",
                   .common = true,
                   .applies_when = {on("checkpoint")}},
                  {.name = "leaks",
                   .kind = OptionKind::flag,
                   .help = "look for what a model knows and must not, instead of checking derivatives",
                   .when = "PATTERN then chooses among presets and models",
                   .common = true},
                  {.name = "taylor",
                   .kind = OptionKind::flag,
                   .help =
                       "show how the remainders of Taylor's formula fall without derivatives, with the gradient, and "
                       "with the Hessian: by 1, 2 and 3 orders",
                   .when = "--svg draws them",
                   .common = true},
                  {.name = "allow-inconclusive",
                   .kind = OptionKind::flag,
                   .help = "let pass what could not be decided",
                   .common = true},
                  {"train"},
                  {"text"},
                  {"valid"},
                  {"test"},
                  {"columns"},
                  {"seed"},
                  {"precision"},
                  {"threads"},
                  {"svg"},
                  {"color"},
                  {"json"}},
      .conditions = {{"sharpness", off("leaks")},
                     {"taylor", off("leaks")},
                     {"taylor", off("sharpness")},
                     {"threads", off("taylor")},
                     {"precision", off("taylor")},
                     {"allow-inconclusive", off("leaks")},
                     {"seed", off("leaks")},
                     {"precision", off("leaks")},
                     {"threads", off("leaks")},
                     {"color", on("leaks")},
                     {"train", on("checkpoint")},
                     {"text", on("checkpoint")},
                     {"valid", on("checkpoint")},
                     {"test", on("checkpoint")},
                     {"columns", on("checkpoint")}},
      .run = run_gradcheck};
}

}  // namespace tapehead
