// One step of a small GPT against PyTorch: learned positions, pre-norm GELU layers, a head tied to the embedding.
#include <gtest/gtest.h>

#include "autograd/ops/affine.hpp"
#include "layers/embedding.hpp"
#include "layers/stacks.hpp"
#include "tests/data/relabelled_cross_entropy.hpp"
#include "tests/data/torch_case.hpp"
#include "tests/data/weighted_outputs.hpp"
#include "tests/support/built.hpp"

namespace tapehead {
namespace {

using namespace testing_support;

// The file ties the head to the table of embeddings and gives it no bias: one leaf, used twice.
struct TiedDecoder {
  explicit TiedDecoder(const Scope& scope)
      : embedding(scope / "embedding",
                  {.channels = 12, .vocabulary = 11, .positions = PositionKind::learned, .max_positions = 8}),
        decoder(
            scope / "decoder",
            {.layers = 2,
             .layer = {
                 .channels = 12, .heads = 3, .inner = 48, .norm = NormPlace::pre, .activation = Activation::gelu}}) {
    embedding.factor = 1;
  }

  Var<double> operator()(Tape<double>& tape, TokenView input) const {
    return affine(decoder(embedding(tape, input, {}), Mask::causal(), {}), tape.leaf(embedding.weight));
  }

  Embedding embedding;
  Encoder decoder;
};

TEST(TinyGptAgainstTorch, LogitsLossAndEveryGradient) {
  const TorchCase reference("tiny_gpt_step");
  const Built<TiedDecoder> built;
  Matches matches = norm_matches("normf.", "decoder.norm.") +
                    Matches{{"wte.weight", {"embedding.weight"}}, {"wpe.weight", {"embedding.positions.weight"}}};
  for (const std::string i : {"0.", "1."}) {
    matches = matches + encoder_layer_matches("blocks." + i, "decoder.layers." + i);
  }
  ParameterStore<double> store(built.layout);
  load(reference, matches, store);

  const auto ids = reference.tokens("x");
  const std::vector<std::int32_t> lengths = {8, 8};
  const TokenView input{ids.data(), lengths.data(), 8, 8, 2};
  Tape<double> tape(store);
  const auto logits = built.layer(tape, input);
  const RelabelledCrossEntropy cross_entropy(reference.tokens("y"), {});
  const auto loss = cross_entropy(logits, {});
  tape.backward(
      add(weighted_sum(logits, reference.upstream("logits")), weighted_sum(loss, reference.upstream("loss"))));

  Comparison comparison(kReferenceBound);
  const auto expected = reference.output("logits");
  comparison.near("logits", {logits.data(), expected.size()}, expected);
  comparison.near("loss", {loss.data(), 1}, reference.output("loss"));
  compare_gradients(reference, matches, store, comparison);
}

}  // namespace
}  // namespace tapehead
