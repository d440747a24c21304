#include "layers/models/one_sequence.hpp"
#include "layers/models/spec.hpp"
#include "layers/stacks.hpp"

namespace tapehead {
namespace {

/// The decoder-only transformer (Radford et al. 2019): every token may see itself and what stands before it, in encoder
/// layers under a causal mask.
struct Decoder {
  static Encoder stack(const Scope& scope, const ModelConfig& config) { return {scope, stack_options(config)}; }
  static Embedding::Options embedding(const ModelConfig& config, std::int64_t vocabulary) {
    return embedding_options(config, vocabulary);
  }
  template <Scalar T>
  static Var<T> read(const Encoder& stack, Var<T> x, const TokenView& /*input*/, const Pass& pass) {
    return stack(x, Mask::causal(), pass);
  }
  static double values(const ModelConfig& config, std::int64_t positions) { return stack_values(config, positions, 0); }
};

}  // namespace

ModelSpec model_spec_decoder() {
  const ModelConfig pre{.model = "decoder", .layers = 1, .heads = 2, .d_model = 6, .d_ff = 8, .dropout = 0.2};
  ModelConfig gelu = pre;
  gelu.layers = 2;
  gelu.feed_forward.activation = "gelu";
  gelu.positions = "learned";
  gelu.initialisation = "normal";
  gelu.scale = "inv_dk";
  ModelConfig modern = pre;
  modern.norm_kind = "rms";
  modern.feed_forward.activation = "silu";
  modern.initialisation = "kaiming";
  modern.tie = "output";
  std::vector<ModelSpec::Case> cases = block_cases(pre);
  cases.insert(cases.begin(), {{"pre_relu", pre}, {"two_layers_gelu_learned", gelu}, {"rms_silu_tied", modern}});
  return {.name = "decoder",
          .description = "decoder alone: source and target are one sequence",
          .reads = {Column::input, Column::expected},
          .check = [](const ModelConfig&) {},
          .make = make_family<OneSequence<Decoder>>,
          .values = OneSequence<Decoder>::values,
          .cases = cases,
          .needs = {ValueNeed{"decoder", none_of("task", "text"),
                              "text pairs have two vocabularies, and a decoder has one"}}};
}

}  // namespace tapehead
