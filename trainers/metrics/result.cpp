#include "trainers/metrics/result.hpp"

#include <algorithm>
#include <cmath>

namespace tapehead {

double Evaluation::value(std::string_view name) const {
  const auto found = std::ranges::find(results, name, &Result::name);
  return found == results.end() ? std::numeric_limits<double>::quiet_NaN() : found->value;
}

std::int64_t Evaluation::count(std::string_view name) const {
  const double number = value(name);
  return std::isnan(number) ? 0 : static_cast<std::int64_t>(number);
}

}  // namespace tapehead
