#include <algorithm>

#include "experiments/commands/commands.hpp"

namespace tapehead {

bool Command::takes(const OptionSpec& option) const {
  if (option.name == "help" || (run_options && is_run_option(option))) return true;
  return std::ranges::find(options, option.name) != options.end();
}

std::span<const Command> commands() {
  static const std::vector<Command> table = {
      {.name = "train",
       .subject = "[PRESET]",
       .summary = "Trains a model and writes what a run leaves into a folder",
       .example = "tapehead train copy --out runs/copy --seed 1",
       .run_options = true,
       .options = {"config", "out", "resume", "json"},
       .required = {"out"},
       .run = run_train},
      {.name = "eval",
       .subject = "DIR|CHECKPOINT",
       .summary = "Loss, perplexity, token accuracy and exact match on held-out sequences",
       .example = "tapehead eval runs/copy --split test --examples 5",
       .options = {"split", "examples", "train", "valid", "test", "threads", "json"},
       .run = run_eval},
      {.name = "predict",
       .subject = "DIR|CHECKPOINT",
       .summary = "Reads lines from standard input and writes one prediction a line, greedily",
       .example = "echo \"7 3 9 1\" | tapehead predict runs/copy",
       .options = {},
       .run = run_predict},
      {.name = "inspect",
       .subject = "DIR|CHECKPOINT",
       .summary = "Draws what a trained model attends to as it reads one line",
       .example = "tapehead inspect runs/copy --input \"7 3 9 1\"",
       .options = {"input", "layer", "head", "color", "json"},
       .required = {"input"},
       .run = run_inspect},
      {.name = "ablate",
       .subject = "[PRESET]",
       .summary = "Trains a grid of variations with several seeds; prints mean and standard deviation of each",
       .example = "tapehead ablate copy --vary heads=1,2,4 --vary scale=inv_sqrt_dk,none --seeds 3 --out runs/heads",
       .run_options = true,
       .options = {"config", "vary", "seeds", "split", "out", "json"},
       .required = {"out", "vary"},
       .run = run_ablate},
      {.name = "attend",
       .subject = "",
       .summary = "Scores, weights and context vectors of given queries, keys and values",
       .example = "tapehead attend --query q.csv --key k.csv --scale none",
       .options = {"query", "key", "value", "scale", "causal", "color", "json"},
       .required = {"query", "key"},
       .run = run_attend},
      {.name = "gradcheck",
       .subject = "[PATTERN]",
       .summary = "Checks the derivatives of the ops whose name or case matches; exit status 1 if one fails",
       .example = "tapehead gradcheck softmax",
       .options = {"seed", "json"},
       .run = run_gradcheck},
      {.name = "bench",
       .subject = "",
       .summary = "Time and memory of a training step beside its matrix products alone, and beside other programs",
       .example = "tapehead bench --model decoder --layers 4 --d-model 128 --d-ff 512 --length 64 --batch 12",
       .options = {"length", "vocabulary", "profile", "against", "rounds", "seconds", "json", "model", "layers",
                   "heads", "d-model", "d-head", "d-ff", "positions", "norm", "activation", "scale", "attention",
                   "initialisation", "dropout", "batch", "optimizer", "weight-decay", "clip", "label-smoothing",
                   "seed", "shards", "precision", "threads"},
       .run = run_bench},
      {.name = "summary",
       .subject = "[PRESET|DIR|CHECKPOINT]",
       .summary = "A model's modules with shapes, parameters and memory",
       .example = "tapehead summary copy --heads 8 --d-model 128",
       .run_options = true,
       .options = {"config", "json"},
       .run = run_summary},
      {.name = "list",
       .subject = "",
       .summary = "The presets, tasks, models and ops that there are",
       .example = "tapehead list",
       .options = {"json"},
       .run = run_list},
      {.name = "version",
       .subject = "",
       .summary = "Versions of the program, its compiler and its BLAS, and whether that suits the processor",
       .example = "tapehead version",
       .options = {"json"},
       .run = run_version},
  };
  return table;
}

}  // namespace tapehead
