#include <ostream>

#include "experiments/options/run_config.hpp"
#include "experiments/program/command.hpp"

namespace tapehead {
namespace {

int run_rates(const Invocation& invocation, Console& console) {
  Settings settings = invocation.settings;
  settle(settings);  // refuses what does not go together, and fills in what follows from other options
  const RunConfig config = make_run_config(settings);
  const ScheduleOptions& schedule = config.trainer.step.schedule;
  for (std::int64_t step = 1; step <= schedule.steps; ++step) {
    console.out << step << ' ' << learning_rate(schedule, step) << '\n';
  }
  return kDone;
}

}  // namespace

Command command_rates() {
  return {.name = "rates",
          .subject = "",
          .summary = "The learning rate of each step",
          .example = "tapehead rates --schedule cosine --steps 10",
          .options = {{"steps"}, {"lr"}, {"schedule"}, {"warmup"}, {"final-share"}},
          .run = run_rates};
}

}  // namespace tapehead
