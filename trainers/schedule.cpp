#include "trainers/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "autograd/base/errors.hpp"

namespace tapehead {

void check_schedule(const ScheduleOptions& options) {
  const std::string& kind = options.kind;
  if (kind != "constant" && kind != "cosine" && kind != "inverse_sqrt" && kind != "noam" && kind != "plateau") {
    throw ConfigError(fmt::format("schedule: \"{}\" is none of constant, cosine, inverse_sqrt, noam, plateau", kind));
  }
  if (!(options.learning_rate > 0 && std::isfinite(options.learning_rate))) {
    throw ConfigError(fmt::format("schedule: the learning rate must be positive, not {}", options.learning_rate));
  }
  if (options.warmup < 0)
    throw ConfigError(fmt::format("schedule: warm-up must not be negative, is {}", options.warmup));
  if ((kind == "noam" || kind == "inverse_sqrt") && options.warmup < 1) {
    throw ConfigError(fmt::format("schedule: {} needs a warm-up of at least 1 step", kind));
  }
  if (kind == "noam" && options.d_model < 1) throw ConfigError("schedule: noam needs the width of the model, d_model");
  if (!(options.final_share >= 0 && options.final_share <= 1)) {
    throw ConfigError(fmt::format("schedule: the final share must be in [0, 1], not {}", options.final_share));
  }
  if (kind == "cosine" && options.steps <= options.warmup) {
    throw ConfigError(
        fmt::format("schedule: cosine needs more steps ({}) than warm-up ({})", options.steps, options.warmup));
  }
  if (!(options.plateau_factor > 0 && options.plateau_factor < 1)) {
    throw ConfigError(
        fmt::format("schedule: the plateau factor must be between 0 and 1, not {}", options.plateau_factor));
  }
  if (options.plateau_patience < 1) {
    throw ConfigError(
        fmt::format("schedule: the plateau patience must be at least 1, not {}", options.plateau_patience));
  }
}

double learning_rate(const ScheduleOptions& options, std::int64_t step) {
  const auto s = static_cast<double>(step);
  const auto w = static_cast<double>(options.warmup);
  const double peak = options.learning_rate;
  if (options.kind == "noam") {
    return peak / std::sqrt(static_cast<double>(options.d_model)) * std::min(1 / std::sqrt(s), s * std::pow(w, -1.5));
  }
  if (step <= options.warmup) return peak * s / w;
  if (options.kind == "inverse_sqrt") return peak * std::sqrt(w / s);
  if (options.kind == "cosine") {
    const double share = std::min(1.0, (s - w) / (static_cast<double>(options.steps) - w));
    const double f = options.final_share;
    return peak * (f + (1 - f) * (1 + std::cos(std::numbers::pi * share)) / 2);
  }
  return peak;
}

bool depends_on_steps(const ScheduleOptions& options) { return options.kind == "cosine"; }

}  // namespace tapehead
