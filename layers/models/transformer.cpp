#include "layers/models/source_and_target.hpp"
#include "layers/models/spec.hpp"
#include "layers/stacks.hpp"

namespace tapehead {
namespace {

/// The encoder–decoder transformer (Vaswani et al. 2017): what a target token may see is the whole source and the
/// target before it.
struct Transformer {
  template <Scalar T>
  using Memory = Var<T>;

  static Encoder encoder(const Scope& scope, const ModelConfig& config) { return {scope, stack_options(config)}; }
  static CrossDecoder decoder(const Scope& scope, const ModelConfig& config) { return {scope, stack_options(config)}; }
  static Embedding::Options embedding(const ModelConfig& config, std::int64_t vocabulary) {
    return embedding_options(config, vocabulary);
  }
  template <Scalar T>
  static Var<T> encode(const Encoder& stack, Var<T> x, const TokenView& source, const Pass& pass) {
    return stack(x, Mask::padding(source), pass);
  }
  template <Scalar T>
  static Var<T> decode(const CrossDecoder& stack, Var<T> x, Var<T> memory, const TokenView& source,
                       const TokenView& /*input*/, const Pass& pass) {
    return stack(x, memory, Mask::causal(), Mask::padding(source), pass);
  }
  static double values(const ModelConfig& config, const SequenceLengths& longest) {
    return stack_values(config, longest.source, 0) + stack_values(config, longest.target, longest.source);
  }
};

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
          .check = SourceAndTarget<Transformer>::check,
          .make = make_family<SourceAndTarget<Transformer>>,
          .values = SourceAndTarget<Transformer>::values,
          .crosses = true,
          .embeddings = 2,
          .cases = cases};
}

}  // namespace tapehead
