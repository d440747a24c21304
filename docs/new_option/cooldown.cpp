#include "autograd/base/options.hpp"

namespace tapehead {

struct CoolingOptions {
  std::int64_t cooldown = 0;  ///< last steps of a run, in which the learning rate falls to 0

  static Fields<CoolingOptions> fields();
};

Fields<CoolingOptions> CoolingOptions::fields() {
  return {
      {&CoolingOptions::cooldown,
       {.name = "cooldown",
        .range = NumberRange::steps(),
        .help = "last steps, in which the learning rate falls to 0",
        .when = "a tenth of the steps is common",
        .zero = "it does not fall",
        .applies_when = {one_of("schedule", "constant")}}},
  };
}

}  // namespace tapehead
