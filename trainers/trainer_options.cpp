#include "trainers/trainer_options.hpp"

#include <fmt/format.h>

#include "autograd/base/limits.hpp"
#include "trainers/goal.hpp"
#include "trainers/metrics/evaluation.hpp"

namespace tapehead {

namespace {

std::string words_of_metrics() {
  std::string words;
  for (const std::string_view name : directed_metrics(evaluation_metrics())) {
    words += fmt::format("{}{}", words.empty() ? "" : " ", name);
  }
  return words;
}

}  // namespace

Fields<TrainerOptions> TrainerOptions::fields() {
  const Member<TrainerOptions> workers{
      [](TrainerOptions& options, const std::string& text) { options.threads = thread_count(integer_in(text)); },
      [](const TrainerOptions& options) { return canonical_text(static_cast<std::int64_t>(options.threads)); }};
  return {
      {&TrainerOptions::steps,
       {.name = "steps",
        .range = NumberRange::steps(),
        .help = "training steps",
        .when = "more while the loss still falls",
        .common = true,
        .may_change_on_resume = true,
        .fixed_by = one_of("schedule", "cosine"),
        .after = "batch"}},
      {&TrainerOptions::validate_every,
       {.name = "validate-every",
        .range = NumberRange::steps(),
        .help = "steps between validations",
        .when = "set it to keep the best weights",
        .zero = "at the end only",
        .common = true,
        .may_change_on_resume = true,
        .fixed_by = one_of("schedule", "plateau"),
        .applies_when = {on("valid"), on("validation-size"), on("validation-share")},
        .after = "precision"}},
      {&TrainerOptions::validation_limit,
       {.name = "validation-limit",
        .range = {0, 1e9},
        .help = "sequences used in validations on the way",
        .when = "set it to save time",
        .zero = "all",
        .applies_when = {on("validate-every")}}},
      {&TrainerOptions::log_every,
       {.name = "log-every",
        .range = {1, 1e12},
        .help = "steps between rows of metrics.csv",
        .when = "lower it for finer curves",
        .may_change_on_resume = true}},
      {&TrainerOptions::checkpoint_every,
       {.name = "checkpoint-every",
        .range = NumberRange::steps(),
        .help = "steps between checkpoints: what a crash can lose",
        .when = "set it for long runs",
        .zero = "at the end only",
        .may_change_on_resume = true}},
      {&TrainerOptions::early_stop,
       {.name = "early-stop",
        .range = {0, 1e9},
        .help = "validations without a better best-metric that end the training",
        .when = "set it where training overfits",
        .zero = "none do",
        .may_change_on_resume = true,
        .applies_when = {on("validate-every")}}},
      {&TrainerOptions::stop_when,
       {.name = "stop-when",
        .check = [](std::string_view text) { parse_goal(text, evaluation_metrics()); },
        .help = "result of a validation on the way that ends the training, such as exact_match=1 or loss=0.5",
        .when = "set it where nothing is left to learn after that",
        .placeholder = "METRIC=X",
        .may_change_on_resume = true,
        .applies_when = {on("validate-every")}}},
      {&TrainerOptions::best_metric,
       {.name = "best-metric",
        .choices = words_of_metrics(),
        .help = "result of validations by which best.h5 is chosen, and that early-stop and plateau go by; `tapehead "
                "list metrics` describes each",
        .when = "take what you will judge by in the end; edit_distance decodes every validation sequence",
        .applies_when = {on("validate-every")}}},
      {&TrainerOptions::min_improvement,
       {.name = "min-improvement",
        .range = {0, 1e9},
        .help = "how much better a validation must be to count as better, for plateau and early-stop",
        .when = "raise it where results are noisy",
        .applies_when = {one_of("schedule", "plateau"), on("early-stop")}}},
      {&TrainerOptions::skip_nonfinite,
       {.name = "skip-nonfinite",
        .range = {0, 1e12},
        .help = "steps that may be left out because their loss or gradient is not finite",
        .when = "set it for long runs",
        .zero = "the first one ends the training",
        .may_change_on_resume = true}},
      {workers,
       {.name = "threads",
        .kind = OptionKind::integer,
        .range = {0, 1024},
        .help = "threads that work; no result depends on it",
        .when = "fewer leave room for other programs",
        .zero = "one a core",
        .common = true,
        .zero_is_automatic = true,
        .may_change_on_resume = true,
        .execution = true}},
  };
}

}  // namespace tapehead
