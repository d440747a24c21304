#include "trainers/validation_history.hpp"

#include <fmt/format.h>

#include <cmath>

#include "autograd/base/errors.hpp"
#include "trainers/checkpoint.hpp"

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
  const auto loss = [&](const char* name) {
    const auto found = numbers.find(name);
    const double value = found == numbers.end() ? std::numeric_limits<double>::infinity() : found->second;
    // Infinity stands for "none yet"; a NaN would be better than nothing for ever.
    if (value > -std::numeric_limits<double>::infinity()) return value;
    throw CheckpointError(fmt::format("checkpoint: its {} is {}, which is no loss", name, value));
  };
  best_loss_ = loss("best_loss");
  best_step_ = counter_in(numbers, "best_step");
  reference_ = loss("better_than");
  waited_ = counter_in(numbers, "validations_waited");
  plateau_waited_ = counter_in(numbers, "plateau_waited");
  drops_ = counter_in(numbers, "plateau_drops");
}

}  // namespace tapehead
