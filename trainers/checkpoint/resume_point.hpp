#pragma once

#include <cstdint>

#include "trainers/checkpoint/checkpoint.hpp"

namespace tapehead {

/// Where a run stood when its checkpoint was saved: what resuming takes from it beside the weights and the validation
/// history.
struct ResumePoint {
  std::int64_t step = 0;
  double loss_sum = 0;          ///< since the last row of metrics.csv
  std::int64_t loss_count = 0;  ///< losses in that sum
  std::int64_t skipped = 0;     ///< steps left out so far
  std::int64_t updates = 0;     ///< updates that the optimizer made
  /// Stopped in the validations after the step, which are still to be done. Only then the rest is known of that step;
  /// NaN if it was left out.
  bool validation_owed = false;
  double loss = 0, learning_rate = 0, gradient_norm = 0;
};

/// Throws CheckpointError, naming the file and the number, for what is missing or makes no sense.
ResumePoint resume_point(const CheckpointReader& reader);

}  // namespace tapehead
