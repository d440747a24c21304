#include "trainers/validation_history.hpp"

#include <cmath>

namespace tapehead {

bool ValidationHistory::record(std::int64_t step, double loss) {
  ++waited_;
  ++plateau_waited_;
  if (loss < reference_ - options_.min_improvement) {
    reference_ = loss;
    waited_ = 0;
    plateau_waited_ = 0;
  }
  if (options_.plateau && plateau_waited_ >= options_.plateau_patience) {
    ++drops_;
    plateau_waited_ = 0;
  }
  if (!(loss < best_loss_)) return false;
  best_loss_ = loss;
  best_step_ = step;
  return true;
}

double ValidationHistory::learning_rate_share() const {
  return std::pow(options_.plateau_factor, static_cast<double>(drops_));
}

void ValidationHistory::store(std::map<std::string, double>& numbers) const {
  numbers["best_loss"] = best_loss_;
  numbers["best_step"] = static_cast<double>(best_step_);
  numbers["better_than"] = reference_;
  numbers["validations_waited"] = static_cast<double>(waited_);
  numbers["plateau_waited"] = static_cast<double>(plateau_waited_);
  numbers["plateau_drops"] = static_cast<double>(drops_);
}

void ValidationHistory::restore(const std::map<std::string, double>& numbers) {
  const auto number = [&](const char* name, double otherwise) {
    const auto found = numbers.find(name);
    return found == numbers.end() ? otherwise : found->second;
  };
  const auto count = [&](const char* name) { return static_cast<std::int64_t>(number(name, 0)); };
  constexpr double none = std::numeric_limits<double>::infinity();
  best_loss_ = number("best_loss", none);
  best_step_ = count("best_step");
  reference_ = number("better_than", none);
  waited_ = count("validations_waited");
  plateau_waited_ = count("plateau_waited");
  drops_ = count("plateau_drops");
}

}  // namespace tapehead
