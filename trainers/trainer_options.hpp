#pragma once

#include <cstdint>
#include <string>

#include "trainers/step_options.hpp"

namespace tapehead {

struct TrainerOptions {
  std::int64_t steps = 1000;
  StepOptions step = {};
  std::int64_t validate_every = 0;    ///< steps between validations; 0: at the end only
  std::int64_t validation_limit = 0;  ///< sequences used for those on the way; 0: all
  std::int64_t log_every = 50;        ///< steps between rows of metrics.csv
  std::int64_t checkpoint_every = 0;  ///< steps between checkpoints; 0: at the end and when interrupted only
  std::string best_metric = "loss";   ///< the validation result that chooses best.h5 and steers early stop and plateau
  double min_improvement = 0;         ///< see HistoryOptions, as is
  std::int64_t early_stop = 0;
  std::string stop_when = {};       ///< validation result on the way that ends the training: see parse_goal()
  std::int64_t skip_nonfinite = 0;  ///< steps that may be left out because their loss or gradient is not finite
  int threads = 1;

  static Fields<TrainerOptions> fields();
};

}  // namespace tapehead
