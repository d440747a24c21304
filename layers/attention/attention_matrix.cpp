// Attentions of all choices, each pair of them somewhere: what gradient checks check of the table in combinations.hpp.

#include <fmt/format.h>

#include "layers/attention/combinations.hpp"
#include "layers/attention/multi_head_attention.hpp"
#include "layers/spec.hpp"

namespace tapehead {
namespace {

constexpr std::int64_t kPositions = 4;  // of the samples

// Four heads, whose keys have room for halves that are turned.
MultiHeadAttention::Options options_of(const std::vector<AttentionChoice>& row) {
  MultiHeadAttention::Options options{.channels = 6, .heads = 4, .key_width = 4, .value_width = 2, .dropout = 0.3};
  options.stages.numbers = {.top_keys = 2, .buckets = 8, .furthest = 16, .clip = 2, .positions = kPositions};
  for (const auto& [option, value, description, source] : row) {
    for (std::size_t kind = 0; kind < kStageKinds; ++kind) {
      const bool is_stage = is_among(stage_names(StageKind(kind)), value);
      if (option == option_of(StageKind(kind)) && is_stage) choice_of(options.stages, StageKind(kind)) = value;
    }
    if (option == "positions" && value == "rotary") options.rotary.positions = kPositions;
    if (option == "scale") options.learned_scale = value == "learned";
    if (option == "score-cap") options.stages.cap = real_in(value);
    if (option == "kv-heads") options.head.key_heads = integer_in(value);
    if (option == "d-value" && value != "0") options.value_width = integer_in(value);
    if (option == "projection-bias") options.head.projection_bias = value;
    if (option == "head-split") options.head.split = value;
    if (option == "attention") options.kernel = parse_attention_kernel(value);
  }
  return options;
}

}  // namespace

LayerSpec layer_spec_attention_matrix() {
  std::vector<ProblemCase> cases;
  for (const auto& row : attention_cover()) {
    const MultiHeadAttention::Options options = options_of(row);
    cases.push_back(layer_case(
        fmt::format("attention_matrix/{:03}", cases.size()), {sample_activations()},
        [options](const Scope& scope) { return MultiHeadAttention(scope, options); },
        [](const MultiHeadAttention& layer, auto&, auto x) {
          return layer(x[0], Mask::causal(), Pass{.training = true, .seed = 5});
        }));
  }
  return {"attention_matrix", std::move(cases)};
}

}  // namespace tapehead
