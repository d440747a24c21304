#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "autograd/base/options.hpp"
#include "autograd/scalar.hpp"

namespace tapehead {

/// How the learning rate moves. In every kind the first `warmup` steps rise linearly.
struct ScheduleOptions {
  /// constant | cosine | inverse_sqrt | noam | plateau
  std::string kind = "constant";
  /// The peak, reached after the warm-up; for noam the factor in front. None: default_learning_rate(kind).
  std::optional<double> learning_rate = {};
  std::int64_t warmup = 0;
  std::int64_t steps = 0;             ///< of the whole run; cosine ends there
  double final_share = 0.1;           ///< cosine: what is left of the peak at the end
  std::int64_t restarts = 0;          ///< cosine: times that it begins anew at the peak
  std::int64_t d_model = 0;           ///< noam
  double plateau_factor = 0.5;        ///< plateau: what the rate is multiplied by
  std::int64_t plateau_patience = 5;  ///< plateau: validations without a better loss that bring that about

  static Fields<ScheduleOptions> fields();
};

/// 1 for noam, whose rate follows from width and warm-up; 0.001 for all others.
double default_learning_rate(const std::string& kind);

/// Throws ConfigError for an unknown kind and for numbers that make no schedule.
void check_schedule(const ScheduleOptions& options);

/// Throws ConfigError for a rate that numbers of type T take for 0 or infinity.
template <RealScalar T>
void check_rate(const ScheduleOptions& options);

/// The learning rate of step s, counted from 1, with peak η, warm-up w and total n:
///
///     constant      η;  plateau: η, times what ValidationHistory makes of the validation losses
///     cosine        η · (f + (1 − f) · (1 + cos(π p)) / 2), where p goes from 0 to 1 over n − w steps, or r + 1 times
///                   with r restarts                                            (Loshchilov & Hutter 2017, eq. 5)
///     inverse_sqrt  η · √(w / s)
///     noam          η · d_model^(−1/2) · min(s^(−1/2), s · w^(−3/2))           (Vaswani et al. 2017, eq. 3)
///
/// and η · s / w for s ≤ w in all but noam. A function of the step alone. REQUIRES: check_schedule(options) passed.
double learning_rate(const ScheduleOptions& options, std::int64_t step);

/// Whether the number of steps shapes the schedule: then a resumed run must keep it.
bool depends_on_steps(const ScheduleOptions& options);

}  // namespace tapehead
