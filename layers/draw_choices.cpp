#include "layers/draw_choices.hpp"

namespace tapehead {

DrawChoices::~DrawChoices() = default;

Fields<DrawChoices> DrawChoices::fields() {
  return {
      {&DrawChoices::deviation,
       {.name = "init-deviation",
        .range = NumberRange::positive(),
        .help = "standard deviation of first weights that are drawn normal",
        .when = "smaller for wider models",
        .applies_when = {one_of("initialisation", "normal")}}},
      {&DrawChoices::gain,
       {.name = "init-gain",
        .range = NumberRange::positive(),
        .help = "what first matrices drawn by xavier or kaiming are multiplied by",
        .when = "below 1 where deep models start badly",
        .applies_when = {one_of("initialisation", "xavier kaiming xavier_normal kaiming_uniform")}}},
      {&DrawChoices::residual,
       {.name = "residual-init",
        .choices = "equal scaled",
        .help = "first weights of what layers add to the stream: drawn as all others, or divided by the root of how "
                "many parts add to it",
        .when = "scaled for deep models, as GPT-2 has it",
        .applies_when = {off("init")}}},
      {&DrawChoices::query,
       {.name = "query-init",
        .choices = "equal scaled",
        .help = "first weights of attention's queries: drawn as all others, or divided by the root of their width",
        .when = "scaled with --scale none, as T5 has it: scores then begin as small as with inv_sqrt_dk",
        .applies_when = {off("init")},
        .needs = {ValueNeed{"scaled", on("score"), "there is no attention"}}}},
  };
}

}  // namespace tapehead
