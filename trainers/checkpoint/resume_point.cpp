#include "trainers/checkpoint/resume_point.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "autograd/base/errors.hpp"

namespace tapehead {

ResumePoint resume_point(const CheckpointReader& reader) {
  const CheckpointMeta& meta = reader.meta();
  for (const char* name : {"loss_sum", "loss_count"}) {
    if (meta.numbers.contains(name)) continue;
    throw CheckpointError(
        fmt::format("resume: {} does not say {}; it can be evaluated but not resumed", reader.path(), name));
  }
  const double loss_sum = meta.numbers.at("loss_sum");
  if (!std::isfinite(loss_sum)) {
    throw CheckpointError(
        fmt::format("resume: the loss_sum of {} is {}; take a copy, or train anew", reader.path(), loss_sum));
  }
  ResumePoint point{.step = static_cast<std::int64_t>(meta.step),
                    .loss_sum = loss_sum,
                    .loss_count = counter_in(meta.numbers, "loss_count"),
                    .skipped = counter_in(meta.numbers, "skipped_steps")};
  // Older checkpoints do not say; every step that was not left out was an update.
  const bool says = meta.numbers.contains("updates");
  point.updates = says ? counter_in(meta.numbers, "updates") : point.step - point.skipped;
  if (point.updates < 0 || point.updates > point.step) {
    throw CheckpointError(fmt::format("resume: {} tells of {} updates in {} steps; take a copy, or train anew",
                                      reader.path(), point.updates, point.step));
  }
  point.validation_owed = meta.numbers.contains("validation_owed");
  if (!point.validation_owed) return point;
  const auto number = [&](const char* name) {
    const auto found = meta.numbers.find(name);
    return found == meta.numbers.end() ? std::numeric_limits<double>::quiet_NaN() : found->second;
  };
  point.loss = number("loss");
  point.learning_rate = number("learning_rate");
  point.gradient_norm = number("gradient_norm");
  return point;
}

}  // namespace tapehead
