#include <algorithm>
#include <array>

#include "experiments/options/choices.hpp"
#include "experiments/options/options.hpp"

namespace tapehead {
namespace {

using enum OptionKind;
using enum OptionGroup;

constexpr NumberRange kPositive{.low = 0, .high = 1e9, .open_low = true};
constexpr NumberRange kShare{.low = 0, .high = 1, .open_high = true};
constexpr NumberRange kSteps{.low = 0, .high = 1e12};

using Conditions = std::array<Condition, 2>;
constexpr Conditions kMadeTask{none_of("task", "text")};
constexpr Conditions kTextTask{one_of("task", "text")};
constexpr Conditions kAdam{one_of("optimizer", "adam adamw")};
constexpr Conditions kPlateau{one_of("schedule", "plateau")};
constexpr Conditions kWithoutJson{off("json")};

// clang-format off
constexpr auto kOptions = std::to_array<OptionSpec>({
    {.name = "task", .kind = word, .group = data, .fallback = "copy", .help = "what is learnt", .common = true},
    {.name = "symbols", .kind = integer, .group = made_data, .fallback = "32", .help = "number of different symbols in made sequences; more make the task harder", .range = {1, 1e6}, .applies_when = kMadeTask},
    {.name = "min-length", .kind = integer, .group = made_data, .fallback = "4", .help = "shortest made sequence, in symbols", .range = {1, 1e5}, .applies_when = kMadeTask},
    {.name = "max-length", .kind = integer, .group = data, .fallback = "0", .help = "longest made sequence in symbols, or longest training line in tokens; raise it where long lines matter, lower it to save time and memory; 0: 20 for made tasks, 50 for text, 250 for text in characters", .range = {0, 1e5}, .zero_is_automatic = true, .common = true},
    {.name = "validation-size", .kind = integer, .group = made_data, .fallback = "500", .help = "made sequences held out for validation; 0: none", .range = {0, 1e7}, .applies_when = kMadeTask},
    {.name = "test-size", .kind = integer, .group = made_data, .fallback = "1000", .help = "made sequences held out for the test; more make the figures steadier", .range = {0, 1e7}, .applies_when = kMadeTask},
    {.name = "train", .kind = path, .group = text_data, .help = "training pairs: a tab-separated file, or two parallel files A,B; means --task text", .may_change_on_resume = true, .common = true, .applies_when = kTextTask},
    {.name = "valid", .kind = path, .group = text_data, .help = "validation pairs, in the same form", .may_change_on_resume = true, .common = true, .applies_when = kTextTask},
    {.name = "test", .kind = path, .group = text_data, .help = "test pairs, in the same form", .may_change_on_resume = true, .common = true, .applies_when = kTextTask},
    {.name = "columns", .kind = text, .group = text_data, .help = "which columns of tab-separated files are source and target, by number or by the titles in their first line, such as 2,4 or english,german; set it where a file has more than two", .placeholder = "S,T", .applies_when = kTextTask},
    {.name = "tokenizer", .kind = word, .group = text_data, .fallback = "word", .help = "what lines are split into; char for numbers, names and spelling, where few words come twice", .choices = "word char", .applies_when = kTextTask},
    {.name = "min-count", .kind = integer, .group = text_data, .fallback = "1", .help = "words seen less often in training are unknown; raise it to 2 or more for large noisy texts", .range = {1, 1e9}, .applies_when = kTextTask},
    {.name = "max-words", .kind = integer, .group = text_data, .fallback = "0", .help = "most words of a vocabulary, the frequent ones first; lower it to save memory; 0: all", .range = {0, 1e9}, .applies_when = kTextTask},

    {.name = "model", .kind = word, .group = model, .fallback = "transformer", .help = "encoder and decoder, or decoder alone over source and target as one sequence", .common = true,
     .needs = {ValueNeed{"decoder", none_of("task", "text"), "text pairs have two vocabularies, and a decoder has one"}}},
    {.name = "layers", .kind = integer, .group = model, .fallback = "2", .help = "layers of the encoder and of the decoder each; more for harder tasks", .range = {1, 1000}, .common = true},
    {.name = "heads", .kind = integer, .group = model, .fallback = "4", .help = "attention heads of a layer; they must divide d-model unless d-head is set", .range = {1, 4096}, .common = true},
    {.name = "d-model", .kind = integer, .group = model, .fallback = "64", .help = "width of the model, in channels; more for larger vocabularies", .range = {1, 65536}, .common = true},
    {.name = "d-head", .kind = integer, .group = model, .fallback = "0", .help = "width of one head, to choose it apart from d-model; 0: d-model / heads", .range = {0, 65536}},
    {.name = "d-ff", .kind = integer, .group = model, .fallback = "256", .help = "inner width of the feed-forward layers; often 4 times d-model", .range = {1, 1 << 20}, .common = true},
    {.name = "positions", .kind = word, .group = model, .fallback = "sinusoidal", .help = "how positions are told apart", .choices = "sinusoidal learned none", .common = true},
    {.name = "max-positions", .kind = integer, .group = model, .fallback = "0", .help = "longest sequence that the model takes, in tokens with start and end; raise it to read longer lines later; 0: what the data needs", .range = {0, 1e6}, .zero_is_automatic = true},
    {.name = "norm", .kind = word, .group = model, .fallback = "pre", .help = "norm before or after each part; post, as first published, needs a warm-up", .choices = "pre post"},
    {.name = "norm-kind", .kind = word, .group = model, .fallback = "layer", .help = "layer norm, or root mean square norm", .choices = "layer rms"},
    {.name = "activation", .kind = word, .group = model, .fallback = "relu", .help = "of the feed-forward layers", .choices = "relu gelu gelu_tanh silu"},
    {.name = "scale", .kind = formula, .group = model, .fallback = "inv_sqrt_dk", .help = "what attention scores are multiplied by", .choices = "inv_sqrt_dk none inv_dk inv_sqrt_dmodel", .common = true},
    {.name = "attention", .kind = word, .group = model, .fallback = "auto", .help = "how attention is computed; tiled takes memory linear in the length, and auto takes it for long sequences", .choices = "auto whole tiled"},
    {.name = "initialisation", .kind = word, .group = model, .fallback = "xavier", .help = "law that the first weights are drawn by", .choices = "xavier kaiming normal", .applies_when = {off("init")}},
    {.name = "tie", .kind = word, .group = model, .fallback = "none", .help = "embedding tables to share: target embeddings and output, or these and source embeddings; saves parameters", .choices = "none output all",
     .needs = {ValueNeed{"all", one_of("model", "transformer"), "a decoder alone has no source embeddings; choose output"}}},
    {.name = "dropout", .kind = real, .group = model, .fallback = "0", .help = "share of activations dropped in training; raise it where validation gets worse and training better", .range = kShare, .common = true},

    {.name = "batch", .kind = integer, .group = training, .fallback = "64", .help = "sequences in a training step; lower it to save memory", .range = {1, 1e6}, .common = true},
    {.name = "steps", .kind = integer, .group = training, .fallback = "1000", .help = "training steps", .range = kSteps, .may_change_on_resume = true, .common = true},
    {.name = "optimizer", .kind = word, .group = training, .fallback = "adam", .help = "rule that updates the weights", .choices = "adam adamw sgd nesterov", .common = true,
     .needs = {ValueNeed{"nesterov", on("momentum")}}},
    {.name = "lr", .kind = real, .group = training, .fallback = "0.001", .help = "learning rate at its peak; lower it where the loss jumps; for noam the factor in front, 1 unless it is given", .range = kPositive, .common = true},
    {.name = "schedule", .kind = word, .group = training, .fallback = "constant", .help = "how the learning rate moves", .choices = "constant cosine inverse_sqrt noam plateau", .common = true,
     .needs = {ValueNeed{"plateau", on("validate-every"), "it goes by validations on the way"}, ValueNeed{"noam inverse_sqrt", on("warmup")}}},
    {.name = "warmup", .kind = integer, .group = training, .fallback = "0", .help = "steps in which the learning rate rises; more where training starts badly", .range = kSteps, .common = true},
    {.name = "final-share", .kind = real, .group = training, .fallback = "0.1", .help = "share of the learning rate left at the end of cosine", .range = {0, 1}, .applies_when = {one_of("schedule", "cosine")}},
    {.name = "plateau-factor", .kind = real, .group = training, .fallback = "0.5", .help = "what plateau multiplies the learning rate by", .range = {0, 1, true, true}, .applies_when = kPlateau},
    {.name = "plateau-patience", .kind = integer, .group = training, .fallback = "5", .help = "validations without a better loss before plateau lowers the learning rate", .range = {1, 1e9}, .applies_when = kPlateau},
    {.name = "momentum", .kind = real, .group = training, .fallback = "0", .help = "of sgd and nesterov; often 0.9", .range = kShare, .applies_when = {one_of("optimizer", "sgd nesterov")}},
    {.name = "beta1", .kind = real, .group = training, .fallback = "0.9", .help = "decay of the first moment of adam and adamw", .range = kShare, .applies_when = kAdam},
    {.name = "beta2", .kind = real, .group = training, .fallback = "0.999", .help = "decay of the second moment of adam and adamw; 0.98 is common for attention models", .range = kShare, .applies_when = kAdam},
    {.name = "adam-epsilon", .kind = real, .group = training, .fallback = "1e-08", .help = "what keeps adam and adamw from dividing by zero", .range = kPositive, .applies_when = kAdam},
    {.name = "weight-decay", .kind = real, .group = training, .fallback = "0", .help = "pulls matrices towards zero; apart from the gradient for adamw; raise it against overfitting", .range = {0, 1e9}},
    {.name = "clip", .kind = real, .group = training, .fallback = "0", .help = "largest norm of the gradient; 1 is common where the loss jumps; 0: not clipped", .range = {0, 1e9}},
    {.name = "label-smoothing", .kind = real, .group = training, .fallback = "0", .help = "share of the target spread over all tokens; 0.1 is common for translation", .range = kShare},
    {.name = "init", .kind = path, .group = training, .help = "run folder or checkpoint whose weights training starts from", .placeholder = "CHECKPOINT"},
    {.name = "init-check", .kind = word, .group = training, .fallback = "meaning", .help = "what weights of --init must share with this run; meaning: the options that give weights their meaning, and the words; shapes: the shapes alone, and new words are drawn", .choices = "meaning shapes", .applies_when = {on("init")}},
    {.name = "seed", .kind = integer, .group = training, .fallback = "1", .help = "what every random number follows from; another one makes an independent run", .range = {0, 9e15}, .common = true},
    {.name = "shards", .kind = integer, .group = training, .fallback = "0", .help = "parts that a batch is split into: as many threads can work at once; 0: the smaller of batch and 4", .range = {0, 65536}, .zero_is_automatic = true},
    {.name = "precision", .kind = word, .group = training, .fallback = "float", .help = "numbers that are trained with; gradcheck takes double unless this is given", .choices = "float double"},
    {.name = "validate-every", .kind = integer, .group = training, .fallback = "0", .help = "steps between validations; 0: at the end only", .range = kSteps, .may_change_on_resume = true, .common = true, .applies_when = {on("valid"), on("validation-size")}},
    {.name = "validation-limit", .kind = integer, .group = training, .fallback = "0", .help = "sequences used in validations on the way, to save time; 0: all", .range = {0, 1e9}, .applies_when = {on("validate-every")}},
    {.name = "log-every", .kind = integer, .group = training, .fallback = "50", .help = "steps between rows of metrics.csv", .range = {1, 1e12}, .may_change_on_resume = true},
    {.name = "checkpoint-every", .kind = integer, .group = training, .fallback = "0", .help = "steps between checkpoints: what a crash can lose; 0: at the end only", .range = kSteps, .may_change_on_resume = true},

    {.name = "early-stop", .kind = integer, .group = training, .fallback = "0", .help = "validations without a better loss that end the training; 0: none do", .range = {0, 1e9}, .may_change_on_resume = true, .common = true, .applies_when = {on("validate-every")}},
    {.name = "min-improvement", .kind = real, .group = training, .fallback = "0", .help = "how much lower a validation loss must be to be a better one, for plateau and early-stop", .range = {0, 1e9}, .applies_when = {one_of("schedule", "plateau"), on("early-stop")}},
    {.name = "skip-nonfinite", .kind = integer, .group = training, .fallback = "0", .help = "steps that may be left out because their loss or gradient is not finite; 0: the first one ends the training", .range = {0, 1e12}, .may_change_on_resume = true},

    {.name = "threads", .kind = integer, .group = execution, .fallback = "0", .help = "threads that work; no result depends on it; 0: one a core", .range = {0, 1024}, .may_change_on_resume = true, .common = true},

    {.name = "config", .kind = path, .help = "file of `name = value` lines, instead of a preset", .common = true},
    {.name = "out", .kind = path, .help = "folder that the results go to", .placeholder = "DIR", .common = true},
    {.name = "resume", .kind = flag, .help = "go on with the run in --out", .common = true},
    {.name = "vary", .kind = text, .help = "option and its values; several of these make a grid", .repeatable = true, .placeholder = "NAME=A,B,…", .common = true},
    {.name = "seeds", .kind = integer, .fallback = "3", .help = "runs of each cell, with seeds from --seed on; more make differences surer", .range = {1, 10000}, .common = true},
    {.name = "split", .kind = word, .fallback = "test", .help = "held-out sequences that are used", .choices = "test validation", .common = true},
    {.name = "too-long", .kind = word, .fallback = "wrong", .help = "held-out sequences that the model has too few positions for: wrong counts them as wrong, skip leaves them out", .choices = "wrong skip"},
    {.name = "examples", .kind = integer, .fallback = "0", .help = "sequences to show with their predictions", .range = {0, 1e6}, .common = true},
    {.name = "input", .kind = text, .help = "line that the model reads", .placeholder = "\"TEXT\"", .common = true},
    {.name = "layer", .kind = text, .help = "attention layer to draw; by default the last one that looks at the input", .placeholder = "PATH", .common = true},
    {.name = "head", .kind = integer, .fallback = "-1", .help = "head to draw, from 0; -1: all", .range = {-1, 4095}, .common = true},
    {.name = "query", .kind = path, .help = "queries: numbers, one vector a line", .common = true},
    {.name = "key", .kind = path, .help = "keys, as wide as the queries", .common = true},
    {.name = "value", .kind = path, .help = "values, as many as the keys; by default the keys", .common = true},
    {.name = "length", .kind = integer, .fallback = "16", .help = "tokens of every sequence, of source and target each", .range = {1, 1e6}, .common = true},
    {.name = "vocabulary", .kind = integer, .fallback = "64", .help = "different tokens, the four reserved ones included", .range = {5, 1e6}, .common = true},
    {.name = "profile", .kind = flag, .help = "show where the time goes, op by op", .common = true},
    {.name = "against", .kind = text, .help = "command that times its own step, to alternate with; it prints JSON with step_ms_median", .placeholder = "COMMAND", .common = true},
    {.name = "rounds", .kind = integer, .fallback = "3", .help = "times that steps, products and the other command take turns; more on a busy machine", .range = {1, 1000}, .common = true},
    {.name = "seconds", .kind = real, .fallback = "2", .help = "seconds that steps are measured for in a round", .range = kPositive, .common = true},
    {.name = "checkpoint", .kind = path, .help = "check this trained model on its own data, instead of ops, layers and models", .placeholder = "DIR", .common = true},
    {.name = "sharpness", .kind = flag, .help = "largest eigenvalue of the loss's Hessian instead; with --checkpoint", .common = true, .applies_when = {on("checkpoint")}},
    {.name = "allow-inconclusive", .kind = flag, .help = "let pass what could not be decided", .common = true},
    {.name = "causal", .kind = flag, .help = "query i attends to keys 0 to i only", .common = true},
    {.name = "digits", .kind = integer, .fallback = "3", .help = "decimals of the numbers shown; --json has all", .range = {0, 17}, .common = true, .applies_when = kWithoutJson},
    {.name = "color", .kind = word, .fallback = "auto", .help = "how maps are drawn; auto: in colour on a terminal", .choices = "auto always never", .common = true, .applies_when = kWithoutJson},
    {.name = "json", .kind = flag, .help = "print the results as one JSON object", .common = true},
    {.name = "help", .kind = flag, .help = "this text; --help all shows every option", .common = true},
});
// clang-format on

}  // namespace

std::span<const OptionSpec> option_table() {
  // Tasks and models stand in lists of their own, which are not known to the compiler.
  static const auto table = [] {
    auto options = kOptions;
    std::ranges::find(options, std::string_view("task"), &OptionSpec::name)->choices = words_of(all_tasks());
    std::ranges::find(options, std::string_view("model"), &OptionSpec::name)->choices = words_of(all_models());
    return options;
  }();
  return table;
}

const OptionSpec* find_option(std::string_view name) {
  const auto options = option_table();
  const auto found = std::ranges::find(options, name, &OptionSpec::name);
  return found == options.end() ? nullptr : &*found;
}

}  // namespace tapehead
