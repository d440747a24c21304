#include "layers/attention/head_choices.hpp"

#include <fmt/format.h>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"

namespace tapehead {

HeadChoices::~HeadChoices() = default;

Fields<HeadChoices> HeadChoices::fields() {
  return {
      {&HeadChoices::key_heads,
       {.name = "kv-heads",
        .range = {0, 4096},
        .help = "heads of keys and values, each shared by heads / kv-heads heads of queries",
        .when = "fewer save memory and time in decoding; 1 is multi-query attention",
        .zero = "as many as heads"}},
      {&HeadChoices::projection_bias,
       {.name = "projection-bias",
        .choices = "yes no",
        .help = "whether attention's projections have biases",
        .when = "no is common in newer models"}},
      {&HeadChoices::split,
       {.name = "head-split",
        .choices = "channels reshape",
        .help = "how channels become heads; reshape is a well-known mistake, which mixes positions",
        .when = "reshape, to see what the mistake does",
        .gives_weights_meaning = true}},
  };
}

void require_shared_evenly(const HeadChoices& choices, std::int64_t heads) {
  if (choices.key_heads == 0 || heads % choices.key_heads == 0) return;
  throw ConfigError(
      fmt::format("kv-heads: {} do not divide {}; choose a divisor", choices.key_heads, counted(heads, "head")));
}

}  // namespace tapehead
