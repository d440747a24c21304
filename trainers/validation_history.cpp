#include "trainers/validation_history.hpp"

#include <fmt/format.h>

#include <cmath>

#include "autograd/base/errors.hpp"
#include "trainers/checkpoint/checkpoint.hpp"

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
  best_loss_ = kept_loss_ = loss;
  best_step_ = kept_step_ = step;
  return true;
}

bool ValidationHistory::record_end(std::int64_t step, double loss) {
  if (best_step_ == 0 || !(loss < best_loss_)) return false;
  kept_loss_ = loss;
  kept_step_ = step;
  return true;
}

double ValidationHistory::learning_rate_share() const {
  return std::pow(options_.plateau_factor, static_cast<double>(drops_));
}

void ValidationHistory::store(std::map<std::string, double>& numbers) const {
  numbers["best_loss"] = best_loss_;
  numbers["best_step"] = static_cast<double>(best_step_);
  numbers["kept_loss"] = kept_loss_;
  numbers["kept_step"] = static_cast<double>(kept_step_);
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
  const bool says_kept = numbers.contains("kept_step");  // older checkpoints do not
  kept_loss_ = says_kept ? loss("kept_loss") : best_loss_;
  kept_step_ = says_kept ? counter_in(numbers, "kept_step") : best_step_;
  reference_ = loss("better_than");
  waited_ = counter_in(numbers, "validations_waited");
  plateau_waited_ = counter_in(numbers, "plateau_waited");
  drops_ = counter_in(numbers, "plateau_drops");
}

}  // namespace tapehead
