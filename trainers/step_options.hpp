#pragma once

#include <cstdint>

#include "autograd/base/options.hpp"
#include "trainers/optimizer.hpp"
#include "trainers/schedule.hpp"

namespace tapehead {

struct StepOptions {
  std::uint64_t seed = 1;
  std::int64_t batch = 64;
  int shards = 4;  ///< parts of a batch; part of the configuration, never of the machine
  OptimizerOptions optimizer = {};
  ScheduleOptions schedule = {};
  double clip = 0;             ///< largest global norm of the gradient; 0: no clipping
  double label_smoothing = 0;  ///< of a model's loss; see objective_of()

  static Fields<StepOptions> fields();
};

}  // namespace tapehead
