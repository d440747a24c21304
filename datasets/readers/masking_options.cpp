#include "datasets/readers/masking_options.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"

namespace tapehead {

Fields<MaskingOptions> MaskingOptions::fields() {
  const Conditions masked{one_of("task", "masked-text")};
  return {
      {&MaskingOptions::share,
       {.name = "mask-share",
        .range = {.low = 0, .high = 1, .open_low = true},
        .help = "share of tokens that are to be guessed",
        .when = "more gives more to learn from a text, and less to go by",
        .applies_when = masked,
        .after = "stride"}},
      {&MaskingOptions::hidden,
       {.name = "mask-hidden",
        .range = {0, 1},
        .help = "share of these that are shown as <mask>",
        .when = "less where the model is to be used on whole text",
        .applies_when = masked}},
      {&MaskingOptions::random,
       {.name = "mask-random",
        .range = {0, 1},
        .help = "share of these that are shown as a word drawn from all; the rest are shown as they are",
        .when = "0 shows what it is for",
        .applies_when = masked}},
  };
}

void check(const MaskingOptions& options) {
  check_fields(options);
  if (options.hidden + options.random <= 1) return;
  throw ConfigError(
      fmt::format("mask-hidden: {} and mask-random {} are more than 1 together", options.hidden, options.random));
}

}  // namespace tapehead
