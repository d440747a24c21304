#include "trainers/goal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "autograd/base/errors.hpp"
#include "autograd/base/suggest.hpp"

namespace tapehead {

bool Goal::reached_by(const Evaluation& evaluation) const {
  if (metric.empty()) return false;
  const double found = evaluation.value(metric);  // not a number where there is none, and no better than anything
  return better == Better::higher ? found >= value : found <= value;
}

std::vector<std::string_view> directed_metrics(const std::vector<MetricSpec>& metrics) {
  std::vector<std::string_view> names;
  for (const MetricSpec& metric : metrics) {
    if (metric.direction != Better::neither) names.push_back(metric.name);
  }
  return names;
}

Goal parse_goal(std::string_view text, const std::vector<MetricSpec>& metrics) {
  if (text.empty()) return {};
  const std::size_t equals = std::min(text.find('='), text.size());
  const std::string_view name = text.substr(0, equals);
  const auto spec = std::ranges::find(metrics, name, &MetricSpec::name);
  if (spec == metrics.end() || spec->direction == Better::neither) {
    const std::string hint = did_you_mean(name, directed_metrics(metrics));
    throw ConfigError(fmt::format("\"{}\" is no goal{} see tapehead list metrics", text, hint.empty() ? ";" : hint));
  }
  double value = 0;
  const char* begin = text.data() + std::min(equals + 1, text.size());
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(begin, end, value);
  if (error != std::errc() || rest != end || !std::isfinite(value)) {
    throw ConfigError(fmt::format("\"{}\" holds no finite number after =; write {}=0.5", text, name));
  }
  if (spec->unit == "share" && value > 1) {
    throw ConfigError(fmt::format("{} is a share, which is at most 1, not {}", name, value));
  }
  if (value < 0) throw ConfigError(fmt::format("{} is never below 0, and {} is no goal", name, value));
  return {std::string(name), value, spec->direction};
}

}  // namespace tapehead
