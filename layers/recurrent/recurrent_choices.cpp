#include "layers/recurrent/recurrent_choices.hpp"

#include "layers/models/spec.hpp"
#include "layers/recurrent/cell.hpp"

namespace tapehead {

Fields<RecurrentChoices> RecurrentChoices::fields() {
  static const std::string any = model_names([](const ModelSpec& spec) { return spec.kind == ModelKind::recurrent; });
  static const std::string encoding =
      model_names([](const ModelSpec& spec) { return spec.kind == ModelKind::recurrent && spec.reads_source(); });
  static const std::string attending =
      model_names([](const ModelSpec& spec) { return spec.kind == ModelKind::recurrent && spec.crosses; });
  return {
      {&RecurrentChoices::cell,
       {.name = "cell",
        .choices = cell_names(),
        .help = "what makes the next state of a recurrent model; `tapehead list cells` describes each",
        .when = "lstm where a text is long; tanh shows why there are gates",
        .gives_weights_meaning = true,
        .applies_when = {one_of("model", any)}}},
      {&RecurrentChoices::bidirectional,
       {.name = "bidirectional",
        .choices = "yes no",
        .help = "whether the encoder reads the source from either end, with half of the channels each",
        .when = "no shows what it is worth to know what comes after a word",
        .gives_weights_meaning = true,
        .applies_when = {one_of("model", encoding)}}},
      {&RecurrentChoices::input_feeding,
       {.name = "input-feeding",
        .choices = "no yes",
        .help = "whether the decoder reads, beside each token, what it made of its attention before",
        .when = "yes lets it know what it has translated, and takes several times as long",
        .gives_weights_meaning = true,
        .applies_when = {one_of("model", attending)}}},
  };
}

}  // namespace tapehead
