#include "trainers/validation_history.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "autograd/base/errors.hpp"
#include "trainers/checkpoint/checkpoint.hpp"

namespace tapehead {

ValidationHistory::ValidationHistory(const HistoryOptions& options) : options_(options) {
  const double infinity = std::numeric_limits<double>::infinity();
  best_value_ = kept_value_ = reference_ = options_.direction == Better::higher ? -infinity : infinity;
}

bool ValidationHistory::is_better(double value, double than) const {
  return options_.direction == Better::higher ? value > than : value < than;
}

bool ValidationHistory::record(std::int64_t step, double value) {
  ++waited_;
  ++plateau_waited_;
  const double ahead = options_.direction == Better::higher ? options_.min_improvement : -options_.min_improvement;
  if (is_better(value, reference_ + ahead)) {
    reference_ = value;
    waited_ = 0;
    plateau_waited_ = 0;
  }
  if (options_.plateau && plateau_waited_ >= options_.plateau_patience) {
    ++drops_;
    plateau_waited_ = 0;
  }
  if (!is_better(value, best_value_)) return false;
  best_value_ = kept_value_ = value;
  best_step_ = kept_step_ = step;
  return true;
}

bool ValidationHistory::record_end(std::int64_t step, double value) {
  if (best_step_ == 0 || !is_better(value, best_value_)) return false;
  kept_value_ = value;
  kept_step_ = step;
  return true;
}

double ValidationHistory::learning_rate_share() const {
  return std::pow(options_.plateau_factor, static_cast<double>(drops_));
}

void ValidationHistory::store(std::map<std::string, double>& numbers) const {
  numbers["best_value"] = best_value_;
  numbers["best_step"] = static_cast<double>(best_step_);
  numbers["kept_value"] = kept_value_;
  numbers["kept_step"] = static_cast<double>(kept_step_);
  numbers["better_than"] = reference_;
  numbers["validations_waited"] = static_cast<double>(waited_);
  numbers["plateau_waited"] = static_cast<double>(plateau_waited_);
  numbers["plateau_drops"] = static_cast<double>(drops_);
}

void ValidationHistory::restore(const std::map<std::string, double>& numbers) {
  const double none = ValidationHistory(options_).best_value_;
  // Older checkpoints, which know of losses alone, have another name for it.
  const auto value = [&](const char* name, const char* older) {
    auto found = numbers.find(name);
    if (found == numbers.end()) found = numbers.find(older);
    const double read = found == numbers.end() ? none : found->second;
    if (std::isfinite(read) || read == none) return read;  // a NaN would be better than nothing for ever
    throw CheckpointError(fmt::format("checkpoint: its {} is {}, which is no result", name, read));
  };
  best_value_ = value("best_value", "best_loss");
  best_step_ = counter_in(numbers, "best_step");
  const bool says_kept = numbers.contains("kept_step");  // older ones still do not
  kept_value_ = says_kept ? value("kept_value", "kept_loss") : best_value_;
  kept_step_ = says_kept ? counter_in(numbers, "kept_step") : best_step_;
  reference_ = value("better_than", "better_than");
  waited_ = counter_in(numbers, "validations_waited");
  plateau_waited_ = counter_in(numbers, "plateau_waited");
  drops_ = counter_in(numbers, "plateau_drops");
}

}  // namespace tapehead
