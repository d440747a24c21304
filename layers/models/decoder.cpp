#include "layers/attention/drawn_positions.hpp"
#include "layers/embedding.hpp"
#include "layers/models/cached_state.hpp"
#include "layers/models/family.hpp"
#include "layers/models/spec.hpp"
#include "layers/stacks.hpp"

namespace tapehead {
namespace {

/// The decoder-only transformer (Radford et al. 2019): every token may see itself and what stands before it.
/// Parameters `embedding.*`, `decoder.*`, `output.*`.
struct Decoder {
  Decoder(const Scope& scope, const ModelConfig& config)
      : embedding(scope / "embedding", embedding_options(config, config.target_vocabulary)),
        decoder(scope / "decoder", stack_options(config)),
        output(scope / "output", output_options(config), ties_output(config) ? embedding.weight : Parameter{}),
        max_positions(config.max_positions),
        position_range(config.position_range) {}

  // input (T, B) → features (C, T, B).
  template <Scalar T>
  Var<T> decode(Tape<T>& tape, const TokenView& input, const Pass& pass) const {
    const Pass placed = with_drawn_positions(tape, input, position_range, pass);
    return decoder(embedding(tape, input, placed), Mask::causal(), placed);
  }

  template <Scalar T>
  Var<T> features(Tape<T>& tape, const BatchView& batch, const Pass& pass) const {
    return decode(tape, batch.input(), pass);
  }

  template <RealScalar T>
  std::unique_ptr<DecodingState<T>> begin(Tape<T>& tape, const Sources& sources) const {
    return begin_joined(
        tape, sources, max_positions, output,
        [this](Tape<T>& on, const TokenView& input, const Pass& pass) { return decode(on, input, pass); });
  }

  Embedding embedding;
  Encoder decoder;  // encoder layers under a causal mask
  Linear output;
  std::int64_t max_positions, position_range;
};

double values(const ModelConfig& config, const SequenceLengths& longest) {
  return embedding_values(config, longest.target) + stack_values(config, longest.target, 0) +
         output_values(config, longest.target);
}

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
          .make = make_family<Decoder>,
          .values = values,
          .cases = cases,
          .needs = {ValueNeed{"decoder", none_of("task", "text"),
                              "text pairs have two vocabularies, and a decoder has one"}}};
}

}  // namespace tapehead
