#include "layers/attention/drawn_positions.hpp"
#include "layers/embedding.hpp"
#include "layers/models/cached_state.hpp"
#include "layers/models/family.hpp"
#include "layers/models/spec.hpp"
#include "layers/stacks.hpp"

namespace tapehead {
namespace {

/// The encoder–decoder transformer (Vaswani et al. 2017): what a target token may see is the whole source and the
/// target before it. Parameters `source_embedding.*`, `target_embedding.*`, `encoder.*`, `decoder.*`, `output.*`.
struct Transformer {
  Transformer(const Scope& scope, const ModelConfig& config)
      : source_embedding(scope / "source_embedding", embedding_options(config, config.source_vocabulary)),
        target_embedding(scope / "target_embedding", embedding_options(config, config.target_vocabulary),
                         ties_source(config) ? source_embedding.weight : Parameter{}),
        encoder(scope / "encoder", stack_options(config)),
        decoder(scope / "decoder", stack_options(config)),
        output(scope / "output", output_options(config), ties_output(config) ? target_embedding.weight : Parameter{}),
        max_positions(config.max_positions),
        position_range(config.position_range) {}

  // source (S, B) → memory (C, S, B).
  template <Scalar T>
  Var<T> encode(Tape<T>& tape, const TokenView& source, const Pass& pass) const {
    const Pass placed = with_drawn_positions(tape, source, position_range, pass);
    return encoder(source_embedding(tape, source, placed), Mask::padding(source), placed);
  }

  // input (T, B) → features (C, T, B).
  template <Scalar T>
  Var<T> decode(Tape<T>& tape, Var<T> memory, const TokenView& source, const TokenView& input, const Pass& pass) const {
    const Pass placed = with_drawn_positions(tape, input, position_range, pass);
    return decoder(target_embedding(tape, input, placed), memory, Mask::causal(), Mask::padding(source), placed);
  }

  template <Scalar T>
  Var<T> features(Tape<T>& tape, const BatchView& batch, const Pass& pass) const {
    return decode(tape, encode(tape, batch.source(), pass), batch.source(), batch.input(), pass);
  }

  template <RealScalar T>
  std::unique_ptr<DecodingState<T>> begin(Tape<T>& tape, const Sources& sources) const {
    // The source is encoded once; behind that its keys and values are remembered.
    const auto next = [this](Tape<T>& on, const TokenView& source, const TokenView& input, const Pass& pass) {
      return decode(on, pass.cache->any() ? Var<T>{} : encode(on, source, Pass{}), source, input, pass);
    };
    return begin_beside<T>(tape, sources, max_positions, output, next);
  }

  Embedding source_embedding, target_embedding;
  Encoder encoder;
  CrossDecoder decoder;
  Linear output;
  std::int64_t max_positions, position_range;
};

double values(const ModelConfig& config, const SequenceLengths& longest) {
  return embedding_values(config, longest.source) + stack_values(config, longest.source, 0) +
         embedding_values(config, longest.target) + stack_values(config, longest.target, longest.source) +
         output_values(config, longest.target);
}

void check(const ModelConfig& config) {
  require_source_vocabulary(config);
  if (ties_source(config)) require_same_vocabularies(config, "all", "output");
}

}  // namespace

ModelSpec model_spec_transformer() {
  const ModelConfig pre{.model = "transformer", .layers = 1, .heads = 2, .d_model = 6, .d_ff = 8, .dropout = 0.2};
  ModelConfig post = pre;
  post.norm = "post";
  post.feed_forward.activation = "gelu";
  post.positions = "learned";
  post.d_head = 5;
  ModelConfig deep = pre;
  deep.layers = 2;
  deep.attention = "tiled";
  deep.scale = "none";
  ModelConfig tied = pre;
  tied.tie = "all";
  tied.norm_kind = "rms";
  tied.feed_forward.activation = "gelu_tanh";
  tied.norm = "post";
  std::vector<ModelSpec::Case> cases = block_cases(pre);
  cases.insert(
      cases.begin(),
      {{"pre_relu", pre}, {"post_gelu_learned", post}, {"two_layers_tiled", deep}, {"tied_rms_gelu_tanh", tied}});
  return {.name = "transformer",
          .description = "encoder and decoder with cross-attention",
          .reads = {Column::source, Column::input, Column::expected},
          .check = check,
          .make = make_family<Transformer>,
          .values = values,
          .crosses = true,
          .embeddings = 2,
          .cases = cases};
}

}  // namespace tapehead
