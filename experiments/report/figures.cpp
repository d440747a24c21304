#include "experiments/report/figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "trainers/metrics/evaluation.hpp"

namespace tapehead {

std::string figure(double value, int decimals) {
  if (std::isnan(value)) return "none";
  if (std::isinf(value)) return "too large";
  std::string text = fmt::format("{:.{}f}", value, decimals);
  const bool nothing = text.find_first_not_of("-0.") == std::string::npos;
  return nothing && text.front() == '-' ? text.substr(1) : text;  // what rounds to zero has no sign
}

std::string plain_name(const std::string& name) {
  std::string text = name;
  std::ranges::replace(text, '_', ' ');
  return text;
}

std::string best_by(const std::string& metric) {
  const auto found = std::ranges::find(evaluation_metrics(), metric, &MetricSpec::name);
  const bool highest = found != evaluation_metrics().end() && found->direction == Better::higher;
  return fmt::format("{} validation {}", highest ? "highest" : "lowest", plain_name(metric));
}

const Result* beside_loss(const Evaluation& evaluation) {
  const Result* found = nullptr;
  for (const Result& result : evaluation.results) {
    if (result.name == "loss") continue;
    if (result.name == evaluation.headline) return &result;
    if (result.common) found = &result;
  }
  return found;
}

}  // namespace tapehead
