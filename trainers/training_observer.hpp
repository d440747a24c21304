#pragma once

#include <cstdint>
#include <string>

#include "trainers/metrics/result.hpp"

namespace tapehead {

/// Where a run lives on disk.
struct RunFolder {
  std::string path;
  std::string config = {};  ///< text of config.cfg, kept in every checkpoint
  bool resume = false;
};

/// Where a run stands, for whoever shows it.
struct Progress {
  std::int64_t step = 0;
  std::int64_t steps = 0;
  double loss = 0;  ///< of this step's batch
  double learning_rate = 0;
  double gradient_norm = 0;
  std::int64_t skipped = 0;                ///< steps left out so far
  double seconds = 0;                      ///< of training so far, over all its parts
  double seconds_before = 0;               ///< of them, in the parts before it was resumed
  std::int64_t first_step = 0;             ///< steps done in those
  const Evaluation* validation = nullptr;  ///< the latest one, if any
  std::int64_t best_step = 0;              ///< step whose weights best.h5 holds; 0: there is none
  double best_value = 0;                   ///< their validation result by best_metric, if there are any
};

/// Hears of a run as it goes; the calls come from the thread that called train().
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;
  /// Before the first step, of a resumed run too.
  virtual void on_start(const Progress&) {}
  virtual void on_step(const Progress&) {}
  /// A line that the user ought to know.
  virtual void on_warning(const std::string& text) { (void)text; }
  /// Once a step at most: the last step may be validated twice, on the few sequences of those on the way and on all,
  /// and only the latter is told.
  virtual void on_validation(const Progress&) {}
  /// A step was left out; `why` is a line.
  virtual void on_skip(const Progress&, const std::string& why) { (void)why; }
  virtual void on_checkpoint(const Progress&, const std::string& path) { (void)path; }
};

enum class TrainingOutcome { finished, stopped_early, interrupted };

}  // namespace tapehead
