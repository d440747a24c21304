#pragma once

#include <vector>

#include "autograd/profile.hpp"

namespace tapehead {

/// Where the time of steps goes, summed over those that were run: see TrainingStep::set_profile.
struct StepProfile {
  std::vector<OpProfile> workers;  ///< one a worker, filled by its tape
  double batch = 0;                ///< seconds; so are those below
  double shards = 0;               ///< from the first op to the last of the sums over shards
  double norm = 0;                 ///< of the gradient
  double update = 0;               ///< of the parameters
};

}  // namespace tapehead
