#include "layers/attention/stage_choices.hpp"

#include "layers/attention/stage.hpp"

namespace tapehead {

Fields<StageChoices> StageChoices::fields() {
  Fields<StageChoices> fields{
      {&StageChoices::score,
       {.name = "score",
        .choices = stage_names(StageKind::score),
        .help = "what attention makes of a query and a key",
        .when = "cosine where dot products grow too large",
        .gives_weights_meaning = true}},
      {&StageChoices::cap,
       {.name = "score-cap",
        .range = {0, 1e6},
        .help = "c of c · tanh(score / c), which no score exceeds",
        .when = "set it, at 30 say, where scores grow too large",
        .zero = "scores stay as they are",
        .gives_weights_meaning = true}},
      {&StageChoices::mixing,
       {.name = "head-mixing",
        .choices = "none " + stage_names(StageKind::mixing),
        .help = "what heads make of each other's scores and weights",
        .when = "talking where heads should not decide alone, differential to cancel what is attended by chance",
        .gives_weights_meaning = true}},
      {&StageChoices::normalizer,
       {.name = "normalizer",
        .choices = stage_names(StageKind::normalizer),
        .help = "what makes weights of the scores of a query",
        .when = "sparsemax for weights that are zero, sigmoid for keys that do not compete",
        .gives_weights_meaning = true}},
      {&StageChoices::gate,
       {.name = "head-gate",
        .choices = "none " + stage_names(StageKind::gate),
        .help = "what the context of a head is multiplied by",
        .when = "learned shows which heads a model wants",
        .gives_weights_meaning = true}},
  };
  for (Field<StageChoices>& number : nested(&StageChoices::numbers)) fields.push_back(std::move(number));
  return fields;
}

Fields<StageNumbers> StageNumbers::fields() {
  return {
      {&StageNumbers::top_keys,
       {.name = "top-keys",
        .range = {1, 1e6},
        .help = "keys with the largest scores that a query attends to",
        .when = "fewer make attention sparser",
        .gives_weights_meaning = true,
        .applies_when = {one_of("normalizer", "top")}}},
      {&StageNumbers::buckets,
       {.name = "buckets",
        .range = {4, 1e6},
        .help = "distances that are told apart, those nearby exactly",
        .when = "more for longer sequences",
        .applies_when = {one_of("positions", "t5")}}},
      {&StageNumbers::furthest,
       {.name = "furthest",
        .range = {2, 1e9},
        .help = "distance from which on all are alike",
        .unit = "tokens",
        .when = "raise it where far words matter",
        .gives_weights_meaning = true,
        .applies_when = {one_of("positions", "t5")}}},
      {&StageNumbers::clip,
       {.name = "clip-distance",
        .range = {1, 1e6},
        .help = "distance from which on all are alike, to either side",
        .unit = "tokens",
        .when = "raise it where far words matter",
        .applies_when = {one_of("positions", "shaw")}}},
  };
}

}  // namespace tapehead
