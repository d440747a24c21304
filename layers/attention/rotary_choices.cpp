#include "layers/attention/rotary_choices.hpp"

namespace tapehead {

Fields<RotaryChoices> RotaryChoices::fields() {
  constexpr Condition kRotary = one_of("positions", "rotary");
  return {
      {&RotaryChoices::base,
       {.name = "rotary-base",
        .range = {1.0001, 1e12},
        .help = "the larger, the slower the slowest channels turn",
        .when = "raise it for long sequences",
        .gives_weights_meaning = true,
        .applies_when = {kRotary}}},
      {&RotaryChoices::share,
       {.name = "rotary-share",
        .range = {0.0001, 1},
        .help = "share of a head's channels that is turned",
        .when = "lower it to leave some without a position",
        .gives_weights_meaning = true,
        .applies_when = {kRotary}}},
      {&RotaryChoices::layout,
       {.name = "rotary-layout",
        .choices = "halves pairs",
        .help = "channels that turn together: i and i + half of them, or neighbours",
        .when = "to match weights from elsewhere",
        .gives_weights_meaning = true,
        .applies_when = {kRotary}}},
  };
}

}  // namespace tapehead
