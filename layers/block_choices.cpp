#include "layers/block_choices.hpp"

namespace tapehead {

BlockChoices::~BlockChoices() = default;

Fields<BlockChoices> BlockChoices::fields() {
  return {
      {&BlockChoices::norm_epsilon,
       {.name = "norm-epsilon",
        .range = {.low = 0, .high = 1, .open_low = true},
        .help = "what norms add to the variance, or to the mean square, before they divide by its root",
        .when = "as a published model has it; larger where activations are tiny",
        .gives_weights_meaning = true,
        .applies_when = {one_of("norm", "pre post both"), on("embedding-norm")}}},
      {&BlockChoices::norm_bias,
       {.name = "norm-bias",
        .choices = "yes no",
        .help = "whether layer norms have biases",
        .when = "no is common in newer models",
        .applies_when = {one_of("norm-kind", "layer")}}},
      {&BlockChoices::embedding_norm,
       {.name = "embedding-norm",
        .choices = "no yes",
        .help = "whether there is a norm of embeddings, before the first layer",
        .when = "yes where training jumps, and as BERT has it"}},
      {&BlockChoices::final_norm,
       {.name = "final-norm",
        .choices = "yes no",
        .help = "whether there is a norm behind the last layer",
        .when = "no with --norm post, as first published",
        .applies_when = {one_of("norm", "pre post both")}}},
      {&BlockChoices::residual,
       {.name = "residual",
        .choices = "sequential parallel",
        .help = "how the parts of a layer join the stream: one after another, or all at once, of one norm",
        .when = "parallel is somewhat faster in large models, as GPT-J and PaLM have it",
        .gives_weights_meaning = true}},
      {&BlockChoices::value_residual,
       {.name = "value-residual",
        .choices = "none equal learned",
        .help = "whether layers mix their attention's values with those of the first layer, in equal parts or in "
                "parts that they learn",
        .when = "helps deep models",
        .gives_weights_meaning = true,
        .applies_when = {one_of("mixer", "attention")},
        .needs = {ValueNeed{"equal learned", off("layer-drop"), "the first layer may be left out"}}}},
      {&BlockChoices::distinct_layers,
       {.name = "distinct-layers",
        .range = {0, 1000},
        .help = "layers that have parameters of their own; those behind them use these again, in turn",
        .when = "one alone makes a universal transformer: the same layer, over and over",
        .zero = "all layers",
        .gives_weights_meaning = true}},
      {&BlockChoices::layer_drop,
       {.name = "layer-drop",
        .range = NumberRange::share(),
        .help = "probability that a layer is left out of a training step",
        .when = "0.1 or 0.2 for deep models"}},
  };
}

}  // namespace tapehead
