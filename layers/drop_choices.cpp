#include "layers/drop_choices.hpp"

namespace tapehead {

Fields<DropChoices> DropChoices::fields() {
  return {
      {&DropChoices::attention,
       {.name = "attention-dropout",
        .kind = OptionKind::formula,
        .choices = "same",
        .range = NumberRange::share(),
        .help = "share of attention weights dropped in training; same: as much as --dropout says",
        .when = "0 as Marian has it"}},
      {&DropChoices::feed_forward,
       {.name = "feed-forward-dropout",
        .kind = OptionKind::formula,
        .choices = "same",
        .range = NumberRange::share(),
        .help = "share of inner activations of feed-forward layers dropped in training; same: as much as --dropout "
                "says",
        .when = "0 as BERT and GPT-2 have it",
        .applies_when = {one_of("feed-forward", "plain gated")}}},
  };
}

double drop_rate(const std::string& chosen, double everywhere) {
  return chosen == "same" ? everywhere : real_in(chosen);
}

}  // namespace tapehead
