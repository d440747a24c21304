#include <algorithm>
#include <array>

#include "experiments/options.hpp"

namespace tapehead {
namespace {

using enum OptionKind;
using enum OptionGroup;

constexpr NumberRange kPositive{.low = 0, .high = 1e9, .open_low = true};
constexpr NumberRange kShare{.low = 0, .high = 1, .open_high = true};
constexpr NumberRange kSteps{.low = 0, .high = 1e12};

// clang-format off
constexpr auto kOptions = std::to_array<OptionSpec>({
    {.name = "task", .kind = word, .group = data, .fallback = "copy", .help = "what is learnt", .choices = "copy reverse text"},
    {.name = "symbols", .kind = integer, .group = made_data, .fallback = "32", .help = "different symbols of made sequences", .range = {1, 1e6}},
    {.name = "min-length", .kind = integer, .group = made_data, .fallback = "4", .help = "shortest made sequence", .range = {1, 1e5}},
    {.name = "max-length", .kind = integer, .group = data, .fallback = "0", .help = "longest made sequence, or training line in words; 0: 20 for made tasks, 50 for text", .range = {0, 1e5}, .zero_is_automatic = true},
    {.name = "validation-size", .kind = integer, .group = made_data, .fallback = "500", .help = "made sequences held out for validation", .range = {0, 1e7}},
    {.name = "test-size", .kind = integer, .group = made_data, .fallback = "1000", .help = "made sequences held out for the test", .range = {0, 1e7}},
    {.name = "train", .kind = path, .group = text_data, .help = "training pairs: a tab-separated file, or two parallel files A,B; means --task text", .may_change_on_resume = true},
    {.name = "valid", .kind = path, .group = text_data, .help = "validation pairs", .may_change_on_resume = true},
    {.name = "test", .kind = path, .group = text_data, .help = "test pairs", .may_change_on_resume = true},
    {.name = "min-count", .kind = integer, .group = text_data, .fallback = "1", .help = "words seen less often in training are unknown", .range = {1, 1e9}},
    {.name = "max-words", .kind = integer, .group = text_data, .fallback = "0", .help = "most words of a vocabulary; 0: all", .range = {0, 1e9}},

    {.name = "model", .kind = word, .group = model, .fallback = "transformer", .help = "encoder-decoder, or decoder alone", .choices = "transformer decoder"},
    {.name = "layers", .kind = integer, .group = model, .fallback = "2", .help = "layers of the encoder and of the decoder each", .range = {1, 1000}},
    {.name = "heads", .kind = integer, .group = model, .fallback = "4", .help = "attention heads", .range = {1, 4096}},
    {.name = "d-model", .kind = integer, .group = model, .fallback = "64", .help = "width of the model", .range = {1, 65536}},
    {.name = "d-head", .kind = integer, .group = model, .fallback = "0", .help = "width of one head; 0: d-model / heads", .range = {0, 65536}},
    {.name = "d-ff", .kind = integer, .group = model, .fallback = "256", .help = "inner width of the feed-forward layers", .range = {1, 1 << 20}},
    {.name = "positions", .kind = word, .group = model, .fallback = "sinusoidal", .help = "how positions are told apart", .choices = "sinusoidal learned none"},
    {.name = "max-positions", .kind = integer, .group = model, .fallback = "0", .help = "longest sequence the model takes, start and end included; 0: what the data needs", .range = {0, 1e6}, .zero_is_automatic = true},
    {.name = "norm", .kind = word, .group = model, .fallback = "pre", .help = "norm before or after each part", .choices = "pre post"},
    {.name = "norm-kind", .kind = word, .group = model, .fallback = "layer", .help = "layer norm, or root mean square norm", .choices = "layer rms"},
    {.name = "activation", .kind = word, .group = model, .fallback = "relu", .help = "of the feed-forward layers", .choices = "relu gelu gelu_tanh silu"},
    {.name = "scale", .kind = formula, .group = model, .fallback = "inv_sqrt_dk", .help = "what attention scores are multiplied by", .choices = "inv_sqrt_dk none inv_dk inv_sqrt_dmodel"},
    {.name = "attention", .kind = word, .group = model, .fallback = "auto", .help = "how attention is computed; tiled: with memory linear in the length, taken for long sequences", .choices = "auto whole tiled"},
    {.name = "initialisation", .kind = word, .group = model, .fallback = "xavier", .help = "law that weights are drawn by", .choices = "xavier kaiming normal"},
    {.name = "tie", .kind = word, .group = model, .fallback = "none", .help = "tables that are one: target embeddings and output, or these and source embeddings", .choices = "none output all"},
    {.name = "dropout", .kind = real, .group = model, .fallback = "0", .help = "share of activations dropped in training", .range = kShare},

    {.name = "batch", .kind = integer, .group = training, .fallback = "64", .help = "sequences in a training step", .range = {1, 1e6}},
    {.name = "steps", .kind = integer, .group = training, .fallback = "1000", .help = "training steps", .range = kSteps, .may_change_on_resume = true},
    {.name = "optimizer", .kind = word, .group = training, .fallback = "adam", .help = "rule that updates the weights", .choices = "adam adamw sgd nesterov"},
    {.name = "lr", .kind = real, .group = training, .fallback = "0.001", .help = "learning rate at its peak; for noam the factor in front", .range = kPositive},
    {.name = "schedule", .kind = word, .group = training, .fallback = "constant", .help = "how the learning rate moves", .choices = "constant cosine inverse_sqrt noam plateau"},
    {.name = "warmup", .kind = integer, .group = training, .fallback = "0", .help = "steps in which the learning rate rises", .range = kSteps},
    {.name = "final-share", .kind = real, .group = training, .fallback = "0.1", .help = "share of the learning rate left at the end of cosine", .range = {0, 1}},
    {.name = "plateau-factor", .kind = real, .group = training, .fallback = "0.5", .help = "what plateau multiplies the learning rate by", .range = {0, 1, true, true}},
    {.name = "plateau-patience", .kind = integer, .group = training, .fallback = "5", .help = "validations without a better loss before plateau lowers the learning rate", .range = {1, 1e9}},
    {.name = "momentum", .kind = real, .group = training, .fallback = "0", .help = "of sgd and nesterov", .range = kShare},
    {.name = "beta1", .kind = real, .group = training, .fallback = "0.9", .help = "decay of Adam's first moment", .range = kShare},
    {.name = "beta2", .kind = real, .group = training, .fallback = "0.999", .help = "decay of Adam's second moment", .range = kShare},
    {.name = "adam-epsilon", .kind = real, .group = training, .fallback = "1e-08", .help = "what keeps Adam from dividing by zero", .range = kPositive},
    {.name = "weight-decay", .kind = real, .group = training, .fallback = "0", .help = "on matrices; decoupled for adamw", .range = {0, 1e9}},
    {.name = "clip", .kind = real, .group = training, .fallback = "0", .help = "largest norm of the gradient; 0: not clipped", .range = {0, 1e9}},
    {.name = "label-smoothing", .kind = real, .group = training, .fallback = "0", .help = "share of the target spread over all tokens", .range = kShare},
    {.name = "init", .kind = path, .group = training, .help = "run folder or checkpoint whose weights training starts from", .placeholder = "CHECKPOINT"},
    {.name = "seed", .kind = integer, .group = training, .fallback = "1", .help = "what every random number follows from", .range = {0, 9e15}},
    {.name = "shards", .kind = integer, .group = training, .fallback = "0", .help = "parts that a batch is split into; 0: the smaller of batch and 4", .range = {0, 65536}, .zero_is_automatic = true},
    {.name = "precision", .kind = word, .group = training, .fallback = "float", .help = "numbers that are trained with; gradcheck takes double unless this is given", .choices = "float double"},
    {.name = "validate-every", .kind = integer, .group = training, .fallback = "0", .help = "steps between validations; 0: at the end only", .range = kSteps, .may_change_on_resume = true},
    {.name = "validation-limit", .kind = integer, .group = training, .fallback = "0", .help = "sequences used in validations on the way; 0: all", .range = {0, 1e9}},
    {.name = "log-every", .kind = integer, .group = training, .fallback = "50", .help = "steps between rows of metrics.csv", .range = {1, 1e12}, .may_change_on_resume = true},
    {.name = "checkpoint-every", .kind = integer, .group = training, .fallback = "0", .help = "steps between checkpoints; 0: at the end only", .range = kSteps, .may_change_on_resume = true},

    {.name = "early-stop", .kind = integer, .group = training, .fallback = "0", .help = "validations without a better loss that end the training; 0: none do", .range = {0, 1e9}, .may_change_on_resume = true},
    {.name = "min-improvement", .kind = real, .group = training, .fallback = "0", .help = "how much lower a validation loss must be to be a better one, for plateau and early-stop", .range = {0, 1e9}},
    {.name = "skip-nonfinite", .kind = integer, .group = training, .fallback = "0", .help = "steps that may be left out because their loss or gradient is not finite", .range = {0, 1e12}, .may_change_on_resume = true},

    {.name = "threads", .kind = integer, .group = execution, .fallback = "0", .help = "threads that work; 0: one a core. No result depends on it", .range = {0, 1024}, .may_change_on_resume = true},

    {.name = "config", .kind = path, .help = "file of `name = value` lines, instead of a preset"},
    {.name = "out", .kind = path, .help = "folder that the results go to", .placeholder = "DIR"},
    {.name = "resume", .kind = flag, .help = "go on with the run in --out"},
    {.name = "vary", .kind = text, .help = "option and its values; several of these make a grid", .repeatable = true, .placeholder = "NAME=A,B,…"},
    {.name = "seeds", .kind = integer, .fallback = "3", .help = "runs of each cell, with seeds from --seed on", .range = {1, 10000}},
    {.name = "split", .kind = word, .fallback = "test", .help = "held-out sequences that are used", .choices = "test validation"},
    {.name = "examples", .kind = integer, .fallback = "0", .help = "sequences to show with their predictions", .range = {0, 1e6}},
    {.name = "input", .kind = text, .help = "line that the model reads", .placeholder = "\"TEXT\""},
    {.name = "layer", .kind = text, .help = "attention layer to draw; by default the last one that looks at the input", .placeholder = "PATH"},
    {.name = "head", .kind = integer, .fallback = "-1", .help = "head to draw, from 0; -1: all", .range = {-1, 4095}},
    {.name = "query", .kind = path, .help = "queries: numbers, one vector a line"},
    {.name = "key", .kind = path, .help = "keys, as wide as the queries"},
    {.name = "value", .kind = path, .help = "values, as many as the keys; by default the keys"},
    {.name = "length", .kind = integer, .fallback = "16", .help = "positions of every sequence, of source and target each", .range = {1, 1e6}},
    {.name = "vocabulary", .kind = integer, .fallback = "64", .help = "different tokens, the four reserved ones included", .range = {5, 1e6}},
    {.name = "profile", .kind = flag, .help = "show where the time goes, op by op"},
    {.name = "against", .kind = text, .help = "command that times its own step, to alternate with; it prints JSON with step_ms_median", .placeholder = "COMMAND"},
    {.name = "rounds", .kind = integer, .fallback = "3", .help = "times that steps, products and the other command take turns", .range = {1, 1000}},
    {.name = "seconds", .kind = real, .fallback = "2", .help = "time that steps are measured for in a round", .range = kPositive},
    {.name = "checkpoint", .kind = path, .help = "check this trained model on its own data, instead of ops, layers and models", .placeholder = "DIR"},
    {.name = "sharpness", .kind = flag, .help = "largest eigenvalue of the loss's Hessian instead; with --checkpoint"},
    {.name = "allow-inconclusive", .kind = flag, .help = "let pass what could not be decided"},
    {.name = "causal", .kind = flag, .help = "query i attends to keys 0 to i only"},
    {.name = "color", .kind = word, .fallback = "auto", .help = "how maps are drawn; auto: in colour on a terminal", .choices = "auto always never"},
    {.name = "json", .kind = flag, .help = "print the results as one JSON object"},
    {.name = "help", .kind = flag, .help = "this text"},
});
// clang-format on

}  // namespace

std::span<const OptionSpec> option_table() { return kOptions; }

const OptionSpec* find_option(std::string_view name) {
  const auto found = std::ranges::find(kOptions, name, &OptionSpec::name);
  return found == kOptions.end() ? nullptr : &*found;
}

}  // namespace tapehead
