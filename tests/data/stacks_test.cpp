// Encoder and decoder layers, and whole stacks of them, against PyTorch's.
#include "layers/stacks.hpp"

#include <gtest/gtest.h>

#include "tests/data/torch_case.hpp"
#include "tests/support/built.hpp"

namespace tapehead {
namespace {

using namespace testing_support;

Shape shape_of(const std::vector<std::int64_t>& sizes) { return {sizes[0], sizes[1], sizes[2]}; }

std::span<const double> numbers(const double* data, const Shape& shape) {
  return {data, static_cast<std::size_t>(shape.size())};
}

TokenView with_lengths(const std::vector<std::int32_t>& lengths) { return {.lengths = lengths.data()}; }

LayerOptions layer_options(NormPlace norm) { return {.channels = 8, .heads = 2, .inner = 16, .norm = norm}; }

class EncoderLayerAgainstTorch : public testing::TestWithParam<std::pair<const char*, NormPlace>> {};

TEST_P(EncoderLayerAgainstTorch, OutputAndEveryGradient) {
  const TorchCase reference(GetParam().first);
  const Built<EncoderLayer> built(layer_options(GetParam().second));
  const Matches matches = encoder_layer_matches("", "");
  ParameterStore<double> store(built.layout);
  load(reference, matches, store);
  const auto lengths = reference.lengths("pad_true_means_ignore");

  Tape<double> tape(store);
  const Shape shape = shape_of(reference.sizes("src"));
  const auto x = tape.input(shape, reference.input("src").data());
  const auto y = built.layer(x, Mask::causal() & Mask::padding(with_lengths(lengths)), {});
  tape.backward(y, reference.upstream("output").data());

  Comparison comparison(kReferenceBound);
  comparison.near("output", numbers(y.data(), shape), reference.output("output"));
  comparison.near("gradient of src", numbers(tape.gradient(x), shape), reference.gradient("src"));
  compare_gradients(reference, matches, store, comparison);
}

INSTANTIATE_TEST_SUITE_P(, EncoderLayerAgainstTorch,
                         testing::Values(std::pair("encoder_layer_pre_relu", NormPlace::pre),
                                         std::pair("encoder_layer_post_relu", NormPlace::post)),
                         [](const auto& each) { return std::string(each.param.first); });

TEST(DecoderLayerAgainstTorch, OutputAndEveryGradient) {
  const TorchCase reference("decoder_layer_pre");
  const Built<DecoderLayer> built(layer_options(NormPlace::pre));
  const Matches matches = decoder_layer_matches("", "");
  ParameterStore<double> store(built.layout);
  load(reference, matches, store);
  const auto lengths = reference.lengths("memory_pad_true_means_ignore");

  Tape<double> tape(store);
  const Shape shape = shape_of(reference.sizes("tgt"));
  const Shape memory_shape = shape_of(reference.sizes("memory"));
  const auto x = tape.input(shape, reference.input("tgt").data());
  const auto memory = tape.input(memory_shape, reference.input("memory").data());
  const auto y = built.layer(x, memory, Mask::causal(), Mask::padding(with_lengths(lengths)), {});
  tape.backward(y, reference.upstream("output").data());

  Comparison comparison(kReferenceBound);
  comparison.near("output", numbers(y.data(), shape), reference.output("output"));
  comparison.near("gradient of tgt", numbers(tape.gradient(x), shape), reference.gradient("tgt"));
  comparison.near("gradient of memory", numbers(tape.gradient(memory), memory_shape), reference.gradient("memory"));
  compare_gradients(reference, matches, store, comparison);
}

// Both stacks of an encoder–decoder transformer on vectors instead of tokens.
struct BothStacks {
  BothStacks(const Scope& scope, const StackOptions& options)
      : encoder(scope / "encoder", options), decoder(scope / "decoder", options) {}
  Encoder encoder;
  CrossDecoder decoder;
};

TEST(TransformerAgainstTorch, TwoLayersEachOutputAndEveryGradient) {
  const TorchCase reference("transformer_2x2");
  const Built<BothStacks> built(StackOptions{.layers = 2, .layer = layer_options(NormPlace::post)});
  Matches matches = norm_matches("encoder.norm.", "encoder.norm.") + norm_matches("decoder.norm.", "decoder.norm.");
  for (const std::string i : {"layers.0.", "layers.1."}) {
    matches = matches + encoder_layer_matches("encoder." + i, "encoder." + i) +
              decoder_layer_matches("decoder." + i, "decoder." + i);
  }
  ParameterStore<double> store(built.layout);
  load(reference, matches, store);

  Tape<double> tape(store);
  const Shape source_shape = shape_of(reference.sizes("src"));
  const Shape shape = shape_of(reference.sizes("tgt"));
  const auto source = tape.input(source_shape, reference.input("src").data());
  const auto target = tape.input(shape, reference.input("tgt").data());
  const auto memory = built.layer.encoder(source, Mask::everything(), {});
  const auto y = built.layer.decoder(target, memory, Mask::causal(), Mask::everything(), {});
  tape.backward(y, reference.upstream("output").data());

  Comparison comparison(kReferenceBound);
  comparison.near("output", numbers(y.data(), shape), reference.output("output"));
  comparison.near("gradient of src", numbers(tape.gradient(source), source_shape), reference.gradient("src"));
  comparison.near("gradient of tgt", numbers(tape.gradient(target), shape), reference.gradient("tgt"));
  compare_gradients(reference, matches, store, comparison);
}

}  // namespace
}  // namespace tapehead
