#include "trainers/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "autograd/base/errors.hpp"

namespace tapehead {

namespace {

double peak_of(const ScheduleOptions& options) {
  return options.learning_rate.value_or(default_learning_rate(options.kind));
}

}  // namespace

double default_learning_rate(const std::string& kind) { return kind == "noam" ? 1 : 1e-3; }

template <RealScalar T>
void check_rate(const ScheduleOptions& options) {
  const double rate = peak_of(options);
  if (std::abs(static_cast<double>(static_cast<T>(rate)) - rate) <= 0.01 * rate) return;
  throw ConfigError(fmt::format("schedule: the learning rate {} cannot be held in the precision of training", rate));
}

template void check_rate<float>(const ScheduleOptions&);
template void check_rate<double>(const ScheduleOptions&);

Fields<ScheduleOptions> ScheduleOptions::fields() {
  constexpr Conditions kPlateau{one_of("schedule", "plateau")};
  const Member<ScheduleOptions> rate{
      [](ScheduleOptions& options, const std::string& text) { options.learning_rate = real_in(text); },
      [](const ScheduleOptions& options) { return canonical_text(peak_of(options)); }};
  return {
      {rate,
       {.name = "lr",
        .kind = OptionKind::real,
        .range = NumberRange::positive(),
        .help = "learning rate at its peak",
        .when = "lower it where the loss jumps; for noam the factor in front, 1 unless it is given",
        .common = true,
        .after = "optimizer"}},
      {&ScheduleOptions::kind,
       {.name = "schedule",
        .choices = "constant cosine inverse_sqrt noam plateau",
        .help = "how the learning rate moves",
        .when = "cosine for a known end",
        .common = true,
        .needs = {ValueNeed{"plateau", on("validate-every"), "it goes by validations on the way"},
                  ValueNeed{"noam inverse_sqrt", on("warmup")}}}},
      {&ScheduleOptions::warmup,
       {.name = "warmup",
        .range = NumberRange::steps(),
        .help = "steps in which the learning rate rises",
        .when = "more where training starts badly"}},
      {&ScheduleOptions::final_share,
       {.name = "final-share",
        .range = {0, 1},
        .help = "share of the learning rate left at the end of cosine",
        .when = "lower it for a calmer end",
        .applies_when = {one_of("schedule", "cosine")}}},
      {&ScheduleOptions::restarts,
       {.name = "restarts",
        .range = {0, 1e6},
        .help = "times that cosine begins anew at the peak",
        .when = "a few may find a better minimum in a long run",
        .applies_when = {one_of("schedule", "cosine")}}},
      {&ScheduleOptions::plateau_factor,
       {.name = "plateau-factor",
        .range = {0, 1, true, true},
        .help = "what plateau multiplies the learning rate by",
        .when = "nearer to 1 for smaller drops",
        .applies_when = kPlateau}},
      {&ScheduleOptions::plateau_patience,
       {.name = "plateau-patience",
        .range = {1, 1e9},
        .help = "validations without a better loss before plateau lowers the learning rate",
        .when = "more where validation losses are noisy",
        .applies_when = kPlateau}},
      {&ScheduleOptions::steps, "steps"},
      {&ScheduleOptions::d_model, "d-model"},
  };
}

void check_schedule(const ScheduleOptions& options) {
  const std::string& kind = options.kind;
  check_fields(options);
  if ((kind == "noam" || kind == "inverse_sqrt") && options.warmup < 1) {
    throw ConfigError(fmt::format("schedule: {} needs a warm-up of at least 1 step", kind));
  }
  if (kind == "noam" && options.d_model < 1) throw ConfigError("schedule: noam needs the width of the model, d_model");
  if (kind == "cosine" && options.steps <= options.warmup) {
    throw ConfigError(
        fmt::format("schedule: cosine needs more steps ({}) than warm-up ({})", options.steps, options.warmup));
  }
}

double learning_rate(const ScheduleOptions& options, std::int64_t step) {
  const auto s = static_cast<double>(step);
  const auto w = static_cast<double>(options.warmup);
  const double peak = peak_of(options);
  if (options.kind == "noam") {
    return peak / std::sqrt(static_cast<double>(options.d_model)) * std::min(1 / std::sqrt(s), s * std::pow(w, -1.5));
  }
  if (step <= options.warmup) return peak * s / w;
  if (options.kind == "inverse_sqrt") return peak * std::sqrt(w / s);
  if (options.kind == "cosine") {
    // In whole numbers: rounding would move a restart by a step.
    const std::int64_t whole = options.steps - options.warmup;
    const std::int64_t done = (step - options.warmup) * (options.restarts + 1) % whole;
    const double share = step < options.steps ? static_cast<double>(done) / static_cast<double>(whole) : 1;
    const double f = options.final_share;
    return peak * (f + (1 - f) * (1 + std::cos(std::numbers::pi * share)) / 2);
  }
  return peak;
}

bool depends_on_steps(const ScheduleOptions& options) { return options.kind == "cosine"; }

}  // namespace tapehead
