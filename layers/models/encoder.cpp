#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "layers/attention/drawn_positions.hpp"
#include "layers/embedding.hpp"
#include "layers/models/family.hpp"
#include "layers/models/places_state.hpp"
#include "layers/models/spec.hpp"
#include "layers/stacks.hpp"

namespace tapehead {
namespace {

/// An encoder alone (Devlin et al. 2019) that says the target token in the place of each source token, all at once: for
/// data whose sources and targets have the same length. Parameters `embedding.*`, `encoder.*`, `output.*`.
struct EncoderAlone {
  EncoderAlone(const Scope& scope, const ModelConfig& config)
      : embedding(scope / "embedding", embedding_options(config, config.source_vocabulary)),
        encoder(scope / "encoder", stack_options(config)),
        output(scope / "output", output_options(config), ties_output(config) ? embedding.weight : Parameter{}),
        position_range(config.position_range) {}

  // source (S, B) → features (C, S, B).
  template <Scalar T>
  Var<T> encode(Tape<T>& tape, const TokenView& source, const Pass& pass) const {
    const Pass placed = with_drawn_positions(tape, source, position_range, pass);
    return encoder(embedding(tape, source, placed), Mask::padding(source), placed);
  }

  template <Scalar T>
  Var<T> features(Tape<T>& tape, const BatchView& batch, const Pass& pass) const {
    const TokenView& source = batch.source();
    for (std::int64_t b = 0; batch.has(Column::expected) && b < source.examples; ++b) {
      const TokenView& expected = batch.expected();
      if (source.lengths[b] == expected.lengths[b]) continue;
      throw DataError(
          fmt::format("model encoder: an example has {} source tokens and {} target tokens, and it says one token for "
                      "each that it reads; take a transformer or a decoder",
                      source.lengths[b] - 1, expected.lengths[b] - 1));
    }
    return encode(tape, source, pass);
  }

  template <RealScalar T>
  std::unique_ptr<DecodingState<T>> begin(Tape<T>& tape, const Sources& sources) const {
    std::vector<std::vector<std::int32_t>> read(sources.begin(), sources.end());
    for (auto& source : read) source.push_back(kEnd);
    const TokenColumns columns(read);
    const TokenView view = columns.view();
    const NoGrad<T> no_grad(tape);
    return std::make_unique<PlacesState<T>>(output(encode(tape, view, Pass{})),
                                            std::vector(view.lengths, view.lengths + view.examples));
  }

  Embedding embedding;
  Encoder encoder;
  Linear output;
  std::int64_t position_range;
};

double values(const ModelConfig& config, const SequenceLengths& longest) {
  return embedding_values(config, longest.source) + stack_values(config, longest.source, 0) +
         output_values(config, longest.source);
}

double shared_values(const ModelConfig& config, const SequenceLengths& longest) {
  return stack_shared_values(config, longest.source);
}

void check(const ModelConfig& config) {
  require_source_vocabulary(config);
  if (ties_output(config)) require_same_vocabularies(config, config.tie, "none");
}

}  // namespace

ModelSpec model_spec_encoder() {
  const ModelConfig pre{.model = "encoder", .layers = 2, .heads = 2, .d_model = 6, .d_ff = 8, .dropout = 0.2};
  ModelConfig tied = pre;
  tied.layers = 1;
  tied.tie = "output";
  tied.norm = "post";
  tied.positions = "learned";
  std::vector<ModelSpec::Case> cases = block_cases(pre);
  cases.insert(cases.begin(), {{"two_layers", pre}, {"tied_post_learned", tied}});
  return {.name = "encoder",
          .description = "encoder alone: one target token in the place of each source token, all at once",
          .reads = {Column::source, Column::expected},
          .check = check,
          .make = make_family<EncoderAlone>,
          .values = values,
          .shared_values = shared_values,
          .cases = cases,
          .needs = {ValueNeed{"encoder", none_of("task", "text"),
                              "the two sides of a text pair differ in length, and it says a token for each it reads"}}};
}

}  // namespace tapehead
