#pragma once

#include <cstdint>

#include "trainers/checkpoint.hpp"

namespace tapehead {

/// Where a run stood when its checkpoint was saved: what resuming takes from it beside the weights and the validation
/// history.
struct ResumePoint {
  std::int64_t step = 0;
  double loss_sum = 0;          ///< since the last row of metrics.csv
  std::int64_t loss_count = 0;  ///< losses in that sum
  std::int64_t skipped = 0;     ///< steps left out so far
  std::int64_t updates = 0;     ///< updates that the optimizer made
};

/// Throws CheckpointError, naming the file and the number, for what is missing or makes no sense.
ResumePoint resume_point(const CheckpointReader& reader);

}  // namespace tapehead
