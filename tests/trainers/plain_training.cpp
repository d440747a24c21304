#include "tests/trainers/plain_training.hpp"

#include <cmath>
#include <numbers>

namespace tapehead::testing_support {

const MadeDataset& few_symbols() {
  static const MadeDataset made(
      {.task = "reverse", .symbols = 5, .min_length = 2, .max_length = 4, .validation = 6, .test = 6});
  return made;
}

ModelConfig tiny_model(const std::string& kind) {
  return {.model = kind,
          .layers = 1,
          .heads = 2,
          .d_model = 6,
          .d_ff = 7,
          .positions = "learned",
          .feed_forward = {.activation = "gelu"},
          .dropout = 0.2,
          .max_positions = 12,
          .source_vocabulary = few_symbols().source_vocabulary().size(),
          .target_vocabulary = few_symbols().target_vocabulary().size()};
}

std::vector<StepCase> step_cases() {
  return {
      {"adam", [](StepOptions&) {}},
      {"betas", [](StepOptions& o) { o.optimizer.beta1 = 0.7, o.optimizer.beta2 = 0.9; }},
      {"epsilon", [](StepOptions& o) { o.optimizer.epsilon = 0.03; }},
      {"l2", [](StepOptions& o) { o.optimizer.weight_decay = 0.4; }},
      {"adamw", [](StepOptions& o) { o.optimizer.kind = "adamw", o.optimizer.weight_decay = 0.4; }},
      {"sgd", [](StepOptions& o) { o.optimizer.kind = "sgd"; }},
      {"sgd_l2", [](StepOptions& o) { o.optimizer.kind = "sgd", o.optimizer.weight_decay = 0.4; }},
      {"momentum", [](StepOptions& o) { o.optimizer.kind = "sgd", o.optimizer.momentum = 0.8; }},
      {"nesterov", [](StepOptions& o) { o.optimizer.kind = "nesterov", o.optimizer.momentum = 0.8; }},
      {"clip", [](StepOptions& o) { o.clip = 0.05; }},
      {"clip_sgd", [](StepOptions& o) { o.clip = 0.05, o.optimizer.kind = "sgd"; }},
      {"clip_l2", [](StepOptions& o) { o.clip = 0.05, o.optimizer.kind = "sgd", o.optimizer.weight_decay = 0.4; }},
      {"clip_out_of_reach", [](StepOptions& o) { o.clip = 1e6; }},
      {"warmup", [](StepOptions& o) { o.schedule.warmup = 2; }},
      {"cosine", [](StepOptions& o) { o.schedule.kind = "cosine", o.schedule.warmup = 1, o.schedule.steps = 4; }},
      {"cosine_to_a_share",
       [](StepOptions& o) { o.schedule.kind = "cosine", o.schedule.steps = 3, o.schedule.final_share = 0.4; }},
      {"inverse_sqrt", [](StepOptions& o) { o.schedule.kind = "inverse_sqrt", o.schedule.warmup = 2; }},
      {"noam",
       [](StepOptions& o) {
         o.schedule = {.kind = "noam", .warmup = 2, .d_model = 6};  // its factor left out: 1
       }},
      {"noam_by_a_factor",
       [](StepOptions& o) { o.schedule = {.kind = "noam", .learning_rate = 0.3, .warmup = 2, .d_model = 6}; }},
      {"default_rate", [](StepOptions& o) { o.schedule = {}; }},
      {"plateau", [](StepOptions& o) { o.schedule.kind = "plateau"; }},
      {"smoothing", [](StepOptions& o) { o.label_smoothing = 0.3; }},
      {"one_shard", [](StepOptions& o) { o.shards = 1; }},
      {"seed", [](StepOptions& o) { o.seed = 77; }},
      {"batch", [](StepOptions& o) { o.batch = 2; }},
  };
}

StepOptions options_of(const StepCase& each) {
  StepOptions options{.seed = 5, .batch = 5, .shards = 3, .schedule = {.learning_rate = 0.02}};
  each.change(options);
  return options;
}

double plain_rate(const ScheduleOptions& o, std::int64_t step) {
  const auto s = static_cast<double>(step);
  const auto w = static_cast<double>(o.warmup);
  if (o.kind == "noam") {
    const double factor = o.learning_rate ? *o.learning_rate : 1;
    return factor * std::pow(static_cast<double>(o.d_model), -0.5) * std::min(std::pow(s, -0.5), s * std::pow(w, -1.5));
  }
  const double peak = o.learning_rate ? *o.learning_rate : 0.001;
  if (s <= w) return peak * s / w;
  if (o.kind == "inverse_sqrt") return peak * std::sqrt(w / s);
  if (o.kind == "cosine") {
    const double part = (s - w) / (static_cast<double>(o.steps) - w);
    return peak * (o.final_share + (1 - o.final_share) * 0.5 * (1 + std::cos(std::numbers::pi * part)));
  }
  return peak;
}

double PlainTraining::update(const std::vector<double>& gradient, double rate) {
  ++updates_;
  const OptimizerOptions& o = options_.optimizer;
  double squares = 0;
  for (const double g : gradient) squares += g * g;
  const double norm = std::sqrt(squares);
  const double shrink = options_.clip > 0 && norm > options_.clip ? options_.clip / norm : 1;
  for (const ParameterRange& range : layout_.ranges()) {
    for (std::int64_t i = range.offset; i < range.offset + range.shape.size(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      // Matrices and tables of words decay; vectors, and tables of positions, do not.
      const bool decays = range.name.ends_with(".weight") && !range.name.ends_with(".positions.weight");
      const double decay = decays ? o.weight_decay : 0;
      double g = shrink * gradient[at];
      if (o.kind != "adamw") g += decay * values[at];
      if (o.kind == "adam" || o.kind == "adamw") {
        first[at] = o.beta1 * first[at] + (1 - o.beta1) * g;
        second[at] = o.beta2 * second[at] + (1 - o.beta2) * g * g;
        const double m = first[at] / (1 - std::pow(o.beta1, updates_));
        const double v = second[at] / (1 - std::pow(o.beta2, updates_));
        const double before = values[at];
        values[at] = before - rate * m / (std::sqrt(v) + o.epsilon);
        if (o.kind == "adamw") values[at] -= rate * decay * before;
        continue;
      }
      first[at] = o.momentum * first[at] + g;
      values[at] -= rate * (o.kind == "nesterov" ? g + o.momentum * first[at] : first[at]);
    }
  }
  return norm;
}

std::vector<double> flat(const FlatVector<double>& values) { return {values.span().begin(), values.span().end()}; }

}  // namespace tapehead::testing_support
