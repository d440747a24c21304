#include "layers/attention/rotary_choices.hpp"

#include <fmt/format.h>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"

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

std::int64_t turned_channels(const RotaryChoices& choices, std::int64_t width) {
  const auto channels = static_cast<std::int64_t>(choices.share * static_cast<double>(width)) / 2 * 2;
  if (channels == 0) {
    throw ConfigError(fmt::format(
        "rotary-share: {:g} of heads of {} holds no pair of channels to turn; take wider heads, or a larger share",
        choices.share, counted(width, "channel")));
  }
  return channels;
}

}  // namespace tapehead
