#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "trainers/metrics/result.hpp"

namespace tapehead {

/// What follows from a result of the validations on the way, such as the loss.
struct HistoryOptions {
  Better direction = Better::lower;  ///< which way the result is better
  double min_improvement = 0;        ///< a result is better only if it is by more than this
  bool plateau = false;              ///< whether the learning rate falls when results get no better
  double plateau_factor = 0.5;
  std::int64_t plateau_patience = 5;
  std::int64_t early_stop = 0;  ///< validations without a better result that end the training; 0: none do
};

/// Remembers the validation results of a run as far as anything depends on them: which step was the best, how far the
/// learning rate has fallen, and whether to stop early (Goodfellow, Bengio & Courville 2016, algorithm 7.1). After
/// `plateau_patience` validations in a row that were no better than the best before them, the rate is multiplied by
/// `plateau_factor` and the count begins anew; a better one begins both counts anew. A result that is not a number is
/// no better. The state is a handful of numbers, which a checkpoint keeps.
class ValidationHistory {
 public:
  explicit ValidationHistory(const HistoryOptions& options = {});

  /// Returns whether this result is the best so far.
  bool record(std::int64_t step, double value);

  double learning_rate_share() const;
  bool should_stop() const { return options_.early_stop > 0 && waited_ >= options_.early_stop; }

  /// The validation at the end, if it was none of those on the way but took the same sequences. Returns whether it is
  /// better than all of theirs, so that its weights are to be kept as the best; false if there were none on the way.
  /// Nothing else follows from it: a run that goes on later is the run that never ended here.
  bool record_end(std::int64_t step, double value);

  /// 0: no validation had a result yet.
  std::int64_t best_step() const { return best_step_; }
  double best_value() const { return best_value_; }
  /// What best.h5 holds: the best of those on the way, or the end that was better. 0: there is none.
  std::int64_t kept_step() const { return kept_step_; }
  double kept_value() const { return kept_value_; }
  /// Validations since the result was last better.
  std::int64_t waited() const { return waited_; }

  /// Adds the state to the numbers of a checkpoint; takes it back from them, as far as they hold it. Throws
  /// CheckpointError for counters that count nothing.
  void store(std::map<std::string, double>& numbers) const;
  void restore(const std::map<std::string, double>& numbers);

 private:
  bool is_better(double value, double than) const;

  HistoryOptions options_;
  double best_value_;  // the worst there is: none yet
  std::int64_t best_step_ = 0;
  double kept_value_;
  std::int64_t kept_step_ = 0;
  double reference_;  // what a result must be better than
  std::int64_t waited_ = 0;
  std::int64_t plateau_waited_ = 0;
  std::int64_t drops_ = 0;
};

}  // namespace tapehead
