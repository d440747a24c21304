#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>

namespace tapehead {

/// What follows from the losses of the validations on the way.
struct HistoryOptions {
  double min_improvement = 0;  ///< a loss is better only if it is lower by more than this
  bool plateau = false;        ///< whether the learning rate falls when the loss no longer does
  double plateau_factor = 0.5;
  std::int64_t plateau_patience = 5;
  std::int64_t early_stop = 0;  ///< validations without a better loss that end the training; 0: none do
};

/// Remembers the validation losses of a run as far as anything depends on them: which step was the best, how far the
/// learning rate has fallen, and whether to stop early (Goodfellow, Bengio & Courville 2016, algorithm 7.1). After
/// `plateau_patience` validations in a row that were no better than the best before them, the rate is multiplied by
/// `plateau_factor` and the count begins anew; a better one begins both counts anew. A loss that is not a number is no
/// better. The state is a handful of numbers, which a checkpoint keeps.
class ValidationHistory {
 public:
  explicit ValidationHistory(const HistoryOptions& options = {}) : options_(options) {}

  /// Returns whether this loss is the lowest so far.
  bool record(std::int64_t step, double loss);

  double learning_rate_share() const;
  bool should_stop() const { return options_.early_stop > 0 && waited_ >= options_.early_stop; }

  /// The validation at the end, if it was none of those on the way but took the same sequences. Returns whether its
  /// loss is below all of theirs, so that its weights are to be kept as the best; false if there were none on the way.
  /// Nothing else follows from it: a run that goes on later is the run that never ended here.
  bool record_end(std::int64_t step, double loss);

  /// 0: no validation had a finite loss yet.
  std::int64_t best_step() const { return best_step_; }
  double best_loss() const { return best_loss_; }
  /// What best.h5 holds: the best of those on the way, or the end that was better. 0: there is none.
  std::int64_t kept_step() const { return kept_step_; }
  double kept_loss() const { return kept_loss_; }
  /// Validations since the loss was last better.
  std::int64_t waited() const { return waited_; }

  /// Adds the state to the numbers of a checkpoint; takes it back from them, as far as they hold it. Throws
  /// CheckpointError for counters that count nothing.
  void store(std::map<std::string, double>& numbers) const;
  void restore(const std::map<std::string, double>& numbers);

 private:
  HistoryOptions options_;
  double best_loss_ = std::numeric_limits<double>::infinity();
  std::int64_t best_step_ = 0;
  double kept_loss_ = std::numeric_limits<double>::infinity();
  std::int64_t kept_step_ = 0;
  double reference_ = std::numeric_limits<double>::infinity();  // what a loss must be below to be better
  std::int64_t waited_ = 0;
  std::int64_t plateau_waited_ = 0;
  std::int64_t drops_ = 0;
};

}  // namespace tapehead
