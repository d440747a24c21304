// Layers on their own, with what no model asks of them, against plain loops: outputs, and derivatives by every input
// and parameter.

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "autograd/base/errors.hpp"
#include "layers/stacks.hpp"
#include "tests/support/built.hpp"
#include "tests/support/comparison.hpp"
#include "tests/support/drawn.hpp"
#include "tests/support/plain_model.hpp"

namespace tapehead {
namespace {

using namespace testing_support;

// Output of a layer by the library and in plain loops, and its vector-Jacobian products along a direction in every
// input and parameter.
template <class Layer, class Call, class PlainCall>
void compare_layer(Comparison& comparison, const Built<Layer>& built, const std::vector<Shape>& shapes,
                   const PlainOptions& options, const Pass& pass, Call call, PlainCall plain_call) {
  const std::vector<double> values = named_values(built.layout);
  ParameterStore<double> store(built.layout);
  fill(store, values);
  Tape<double> tape(store);
  std::vector<Var<double>> inputs;
  std::vector<PlainBlock> blocks;
  for (const Shape& shape : shapes) {
    const auto numbers = drawn_numbers(shape.size(), 40 + inputs.size());
    inputs.push_back(tape.input(shape, numbers.data()));
    blocks.push_back({shape.rows, shape.columns, shape.slices, dual(numbers)});
  }
  const Var<double> y = call(built.layer, inputs);
  const auto d_y = drawn_numbers(y.shape().size(), 50);
  tape.backward(y, d_y.data());

  const auto plain_of = [&](const std::vector<Dual>& parameters, const std::vector<PlainBlock>& x) {
    return plain_call(PlainLayers(built.layout, parameters, options, pass), x);
  };
  const auto contracted = [&](const PlainBlock& z) {
    double total = 0;
    for (std::size_t i = 0; i < d_y.size(); ++i) total += d_y[i] * z.values.at(i).imag() / kDualStep;
    return total;
  };
  const PlainBlock expected = plain_of(dual(values), blocks);
  std::vector<double> numbers;
  for (const Dual& value : expected.values) numbers.push_back(value.real());
  comparison.near("output", {y.data(), static_cast<std::size_t>(y.shape().size())}, numbers);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto direction = drawn_numbers(shapes[i].size(), 60 + i);
    std::vector<PlainBlock> moved = blocks;
    double along = 0;
    for (std::size_t at = 0; at < direction.size(); ++at) {
      moved[i].values[at] += Dual(0, kDualStep * direction[at]);
      along += direction[at] * tape.gradient(inputs[i])[at];
    }
    comparison.near("derivative by input " + std::to_string(i), std::vector{along},
                    std::vector{contracted(plain_of(dual(values), moved))});
  }
  for (const ParameterRange& range : built.layout.ranges()) {
    const auto drawn = drawn_numbers(range.shape.size(), 70 + static_cast<std::uint64_t>(range.offset));
    std::vector<double> direction(values.size());
    double along = 0;
    for (std::size_t i = 0; i < drawn.size(); ++i) {
      direction[static_cast<std::size_t>(range.offset) + i] = drawn[i];
      along += drawn[i] * store.gradients(range)[i];
    }
    const double slope = contracted(plain_of(dual(values, direction), blocks));
    comparison.near("derivative by " + range.name, std::vector{along}, std::vector{slope});
    const bool idle = range.name.ends_with("key.bias");
    if (idle && !keeps_shifts(options.stages, options.head)) continue;  // others may make something of it, or not
    EXPECT_EQ(std::abs(slope) > 1e-9, !idle) << range.name;
  }
}

const std::vector<std::int32_t> kThree = {4, 2};
constexpr Pass kTraining{.training = true, .seed = 9, .step = 4, .first_example = 3};

const PlainMask kPlainCausal = [](std::int64_t q, std::int64_t k, std::int64_t) { return k <= q; };
const PlainMask kPlainRagged = [](std::int64_t, std::int64_t k, std::int64_t b) {
  return k < kThree[static_cast<std::size_t>(b)];
};

// Names of a layer that stands alone begin at its parts: ".query" of an empty path is "query".
TEST(LayerComposition, LayersOfEveryKindTakeEveryOption) {
  Comparison comparison(1e-10);
  for (const auto& [place, place_name] : {std::pair{NormPlace::pre, "pre"}, std::pair{NormPlace::post, "post"},
                                          std::pair{NormPlace::both, "both"}, std::pair{NormPlace::none, "none"}}) {
    for (const NormKind kind : {NormKind::layer, NormKind::rms}) {
      for (const auto& [activation, name] :
           {std::pair{Activation::relu, "relu"}, std::pair{Activation::gelu, "gelu"},
            std::pair{Activation::gelu_tanh, "gelu_tanh"}, std::pair{Activation::silu, "silu"},
            std::pair{Activation::sigmoid, "sigmoid"}, std::pair{Activation::tanh, "tanh"}}) {
        for (const AttentionKernel kernel : {AttentionKernel::whole, AttentionKernel::tiled}) {
          const LayerOptions options{.channels = 6,
                                     .heads = 4,
                                     .key_width = 3,
                                     .value_width = 5,
                                     .inner = 9,
                                     .scale = 0.7,
                                     .kernel = kernel,
                                     .norm = place,
                                     .norm_kind = kind,
                                     .activation = activation,
                                     .dropout = 0.25,
                                     .attention_dropout = 0.35,
                                     .inner_dropout = 0.45};
          const PlainOptions plain{.heads = 4,
                                   .key_width = 3,
                                   .value_width = 5,
                                   .scale = 0.7,
                                   .norm = place_name,
                                   .norm_kind = kind == NormKind::layer ? "layer" : "rms",
                                   .activation = name,
                                   .dropout = 0.25,
                                   .attention_dropout = 0.35,
                                   .inner_dropout = 0.45};
          SCOPED_TRACE(plain.norm + " " + plain.norm_kind + " " + name);
          const Mask ragged = Mask::padding({.lengths = kThree.data()});
          // A stack without its last norm: the layers alone, with a path before their names.
          const Built<Encoder> encoder(StackOptions{.layers = 2, .layer = options, .final_norm = false});
          compare_layer(
              comparison, encoder, {{6, 4, 2}}, plain, kTraining,
              [&](const Encoder& stack, auto& x) { return stack(x[0], ragged, kTraining); },
              [](const PlainLayers& layers, const auto& x) {
                return layers.encoder_layer("layers.1", layers.encoder_layer("layers.0", x[0], kPlainRagged, 0),
                                            kPlainRagged, 4);
              });
          const Built<CrossDecoder> decoder(StackOptions{.layers = 2, .layer = options});
          compare_layer(
              comparison, decoder, {{6, 5, 2}, {6, 4, 2}}, plain, kTraining,
              [&](const CrossDecoder& stack, auto& x) { return stack(x[0], x[1], Mask::causal(), ragged, kTraining); },
              [](const PlainLayers& layers, const auto& x) {
                const auto first = layers.decoder_layer("layers.0", x[0], x[1], kPlainCausal, kPlainRagged, 0);
                return layers.norm("norm",
                                   layers.decoder_layer("layers.1", first, x[1], kPlainCausal, kPlainRagged, 6));
              });
        }
      }
    }
  }
}

// A part of a model, whose names have a path.
template <class Layer, class... Options>
struct Part {
  explicit Part(const Scope& scope, const Options&... options) : layer(scope / "part", options...) {}
  Layer layer;
};

using Attention = Part<MultiHeadAttention, MultiHeadAttention::Options>;

// To its own sequence up to the query, and to a ragged memory of 7 channels.
void compare_attention(Comparison& comparison, MultiHeadAttention::Options options, const PlainOptions& plain) {
  const Built<Attention> self(options);
  compare_layer(
      comparison, self, {{6, 5, 2}}, plain, kTraining,
      [](const Attention& at, auto& x) { return at.layer(x[0], Mask::causal(), kTraining); },
      [](const PlainLayers& layers, const auto& x) { return layers.attention("part", x[0], x[0], kPlainCausal, 0); });
  options.memory_channels = 7;
  const Built<Attention> cross(options);
  compare_layer(
      comparison, cross, {{6, 5, 2}, {7, 4, 2}}, plain, kTraining,
      [](const Attention& at, auto& x) {
        return at.layer(x[0], x[1], Mask::padding({.lengths = kThree.data()}), kTraining);
      },
      [](const PlainLayers& layers, const auto& x) { return layers.attention("part", x[0], x[1], kPlainRagged, 0); });
}

// Every stage that attention can be made of, by every kernel that takes it.
TEST(LayerComposition, EveryStageIsWhatItsPlainLoopsSay) {
  Comparison comparison(1e-10);
  for (const StageSpec& spec : stage_specs()) {
    for (const auto kernel : {AttentionKernel::automatic, AttentionKernel::tiled, AttentionKernel::composed}) {
      SCOPED_TRACE(spec.name);
      MultiHeadAttention::Options options{
          .channels = 6, .heads = 3, .key_width = 2, .value_width = 4, .scale = 0.6, .dropout = 0.3, .kernel = kernel};
      PlainOptions plain{.heads = 3, .key_width = 2, .value_width = 4, .scale = 0.6, .attention_dropout = 0.3};
      choice_of(options.stages, spec.kind) = choice_of(plain.stages, spec.kind) = spec.name;
      options.stages.numbers.top_keys = plain.stages.numbers.top_keys = 2;
      options.stages.numbers.positions = plain.stages.numbers.positions = 5;
      try {
        compare_attention(comparison, options, plain);
      } catch (const ConfigError& refusal) {
        // A stage may be beyond the tiled kernel, and gates of keys belong to self-attention; nothing else is refused.
        if (spec.of_keys.name != nullptr) continue;
        EXPECT_EQ(kernel, AttentionKernel::tiled) << refusal.what();
      }
    }
  }
}

// Heads that share keys, learn their scale, have no biases, are cut in the wrong way or in halves.
TEST(LayerComposition, HeadsOfEveryKindAreWhatPlainLoopsSay) {
  Comparison comparison(1e-10);
  for (const HeadChoices& head : {HeadChoices{.key_heads = 2}, HeadChoices{.key_heads = 1, .projection_bias = "no"},
                                  HeadChoices{.split = "reshape"}, HeadChoices{.key_heads = 2, .split = "reshape"}}) {
    for (const char* mixing : {"none", "talking", "differential"}) {
      for (const char* score : {"dot", "cosine", "distance"}) {
        for (const bool learned_scale : {false, true}) {
          SCOPED_TRACE(std::string(mixing) + " " + score + " " + head.split);
          MultiHeadAttention::Options options{.channels = 6, .heads = 4, .key_width = 4, .value_width = 3};
          PlainOptions plain{.heads = 4, .key_width = 4, .value_width = 3};
          options.head = plain.head = head;
          options.scale = plain.scale = 0.6;
          options.learned_scale = plain.learned_scale = learned_scale;
          options.stages.mixing = plain.stages.mixing = mixing;
          options.stages.score = plain.stages.score = score;
          options.dropout = plain.attention_dropout = 0.3;
          compare_attention(comparison, options, plain);
        }
      }
    }
  }
}

TEST(LayerComposition, AttentionTakesWidthsAndMemoriesOfAnySize) {
  Comparison comparison(1e-10);
  for (const double scale : {0.0, 0.3}) {
    for (const double dropout : {0.0, 0.4}) {
      for (const auto kernel : {AttentionKernel::automatic, AttentionKernel::tiled, AttentionKernel::composed}) {
        const PlainOptions plain{.heads = 3,
                                 .key_width = 2,
                                 .value_width = 4,
                                 .scale = scale == 0 ? 1 / std::sqrt(2.0) : scale,
                                 .attention_dropout = dropout};
        MultiHeadAttention::Options options{.channels = 6,
                                            .heads = 3,
                                            .key_width = 2,
                                            .value_width = 4,
                                            .scale = scale,
                                            .dropout = dropout,
                                            .kernel = kernel};
        compare_attention(comparison, options, plain);
      }
    }
  }
  // Widths that are left out follow from channels and heads.
  const Built<Attention> plain_one(MultiHeadAttention::Options{.channels = 6, .heads = 2});
  compare_layer(
      comparison, plain_one, {{6, 5, 2}}, {.heads = 2, .key_width = 3, .value_width = 3, .scale = 1 / std::sqrt(3.0)},
      {}, [](const Attention& at, auto& x) { return at.layer(x[0], Mask::everything(), {}); },
      [](const PlainLayers& layers, const auto& x) {
        return layers.attention(
            "part", x[0], x[0], [](auto, auto, auto) { return true; }, 0);
      });
}

}  // namespace
}  // namespace tapehead
