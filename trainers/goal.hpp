#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "trainers/metrics/result.hpp"

namespace tapehead {

/// A result of validation at which training has reached what it was for.
struct Goal {
  std::string metric = {};  ///< empty: there is none
  double value = 0;
  Better better = Better::neither;

  /// Whether the evaluation is at least as good.
  bool reached_by(const Evaluation& evaluation) const;
};

/// The names of those metrics that are better one way.
std::vector<std::string_view> directed_metrics(const std::vector<MetricSpec>& metrics);

/// `exact_match=1`: one of the metrics that are better one way, and a finite number. No text is no goal. Throws
/// ConfigError for any other, which says what is wrong with it and names no option.
Goal parse_goal(std::string_view text, const std::vector<MetricSpec>& metrics);

}  // namespace tapehead
