// Every option of the models, in every layer that takes it, against plain loops: outputs, loss, and the derivative by
// every parameter, with dropout off and on; and that each of an option's values gives other numbers.

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
#include "layers/models/model.hpp"
#include "tests/support/built.hpp"
#include "tests/support/comparison.hpp"
#include "tests/support/drawn.hpp"
#include "tests/support/plain_model.hpp"
#include "tests/support/token_batch.hpp"

namespace tapehead {
namespace {

using namespace testing_support;

// Four heads, three examples of different lengths, and widths that are no multiples of each other.
const std::vector<std::int32_t> kSource = {4, 5, 6, 7, 6, 8, 0, 0, 5, 7, 4, 0};
const std::vector<std::int32_t> kSourceLengths = {4, 2, 3};
const std::vector<std::int32_t> kInput = {1, 5, 4, 8, 6, 1, 6, 7, 0, 0, 1, 7, 5, 8, 0};
const std::vector<std::int32_t> kExpected = {5, 4, 8, 6, 2, 6, 7, 2, 0, 0, 7, 5, 8, 2, 0};
const std::vector<std::int32_t> kLengths = {5, 3, 4};
const TokenView kSources{kSource.data(), kSourceLengths.data(), 4, 4, 3};
const TokenView kInputs{kInput.data(), kLengths.data(), 5, 5, 3};
const TokenView kExpectations{kExpected.data(), kLengths.data(), 5, 5, 3};
// The same for a model that says a token in the place of each source token.
const std::vector<std::int32_t> kInPlaces = {5, 4, 8, 2, 6, 2, 0, 0, 5, 8, 2, 0};
constexpr double kSmoothing = 0.1;

TokenView expectations(const std::string& model) {
  if (model == "encoder") return {kInPlaces.data(), kSourceLengths.data(), 4, 4, 3};
  return kExpectations;
}

struct Variant {
  std::string option, value;
  std::function<void(ModelConfig&)> change;
};

// One value of one option each; `default` are those that the base has.
std::vector<Variant> variants() {
  std::vector<Variant> all;
  const auto add = [&](const std::string& option, const std::string& value, std::function<void(ModelConfig&)> change) {
    all.push_back({option, value, std::move(change)});
  };
  for (const char* v : {"relu", "gelu", "gelu_tanh", "silu"}) {
    add("activation", v, [v](ModelConfig& c) { c.activation = v; });
  }
  for (const char* v : {"pre", "post"}) add("norm", v, [v](ModelConfig& c) { c.norm = v; });
  for (const char* v : {"layer", "rms"}) add("norm_kind", v, [v](ModelConfig& c) { c.norm_kind = v; });
  for (const char* v : {"inv_sqrt_dk", "none", "inv_dk", "inv_sqrt_dmodel", "0.3"}) {
    add("scale", v, [v](ModelConfig& c) { c.scale = v; });
  }
  for (const StageSpec& spec : stage_specs()) {
    if (spec.kind == StageKind::score) add("score", spec.name, [&spec](ModelConfig& c) { c.score = spec.name; });
  }
  for (const char* v : {"sinusoidal", "learned", "none"}) {
    add("positions", v, [v](ModelConfig& c) { c.positions = v; });
  }
  for (const char* v : {"none", "output", "all"}) add("tie", v, [v](ModelConfig& c) { c.tie = v; });
  for (const char* v : {"xavier", "normal"}) add("initialisation", v, [v](ModelConfig& c) { c.initialisation = v; });
  for (const std::int64_t v : {1, 2, 4}) {
    add("heads", std::to_string(v), [v](ModelConfig& c) { c.heads = v, c.d_head = 3; });
  }
  for (const std::int64_t v : {0, 1, 5}) add("d_head", std::to_string(v), [v](ModelConfig& c) { c.d_head = v; });
  for (const std::int64_t v : {1, 3}) add("layers", std::to_string(v), [v](ModelConfig& c) { c.layers = v; });
  for (const std::int64_t v : {9, 4}) add("d_ff", std::to_string(v), [v](ModelConfig& c) { c.d_ff = v; });
  for (const double v : {0.1, 0.6}) add("dropout", std::to_string(v), [v](ModelConfig& c) { c.dropout = v; });
  // These change how numbers are found, or where training begins, but not what comes out.
  for (const char* v : {"auto", "whole", "tiled", "composed"})
    add("attention", v, [v](ModelConfig& c) { c.attention = v; });
  return all;
}

ModelConfig base(const std::string& model, double dropout) {
  return {.model = model,
          .layers = 2,
          .heads = 4,
          .d_model = 8,
          .d_ff = 11,
          .dropout = dropout,
          .max_positions = 6,
          .source_vocabulary = 9,
          .target_vocabulary = 9};
}

// Logits and loss of a variant by the library, held against plain loops; so is the loss's derivative along a direction
// in each parameter. Returns the logits.
std::vector<double> compared(const ModelConfig& config, const Pass& pass, Comparison& comparison) {
  const Model model(config);
  const ParameterLayout& layout = model.layout();
  const std::vector<double> values = named_values(layout);
  ParameterStore<double> store(layout);
  fill(store, values);
  Tape<double> tape(store);
  const TokenView expect = expectations(config.model);
  const auto features = model.features(tape, token_batch(kSources, kInputs, expect), pass);
  const auto logits = model.project(features);
  const auto loss = model.loss(features, expect, {.label_smoothing = kSmoothing});
  tape.backward(loss);

  const PlainModel plain(config, layout, dual(values), pass);
  const PlainBlock expected = plain.logits(kSources, kInputs);
  std::vector<double> expected_logits;
  for (const Dual& value : expected.values) expected_logits.push_back(value.real());
  const std::vector<double> found(logits.data(), logits.data() + logits.shape().size());
  comparison.near("logits", found, expected_logits);
  comparison.near("loss", std::vector{loss.item()},
                  std::vector{plain.loss(kSources, kInputs, expect, kSmoothing).real()});
  for (const ParameterRange& range : layout.ranges()) {
    const RandomStream random(3, Purpose::test, static_cast<std::uint64_t>(range.offset));
    std::vector<double> direction(values.size());
    double along = 0;
    for (std::int64_t i = 0; i < range.shape.size(); ++i) {
      const auto at = static_cast<std::size_t>(range.offset + i);
      direction[at] = random.normal(static_cast<std::uint32_t>(i));
      along += direction[at] * store.gradients().data()[at];
    }
    const PlainModel moved(config, layout, dual(values, direction), pass);
    const double slope = moved.loss(kSources, kInputs, expect, kSmoothing).imag() / kDualStep;
    comparison.near("derivative by " + range.name, std::vector{along}, std::vector{slope});
    // What is added to every key alike takes no part in a softmax; everything else must move the loss.
    const bool idle = range.name.ends_with(".key.bias");
    if (idle && config.score != "dot") continue;  // another score may make something of it, or not
    EXPECT_EQ(std::abs(slope) > 1e-9, !idle) << range.name << " " << slope;
  }
  return found;
}

class Composition : public testing::TestWithParam<std::tuple<const char*, double>> {
 protected:
  static std::string model() { return std::get<0>(GetParam()); }
  static double dropout() { return std::get<1>(GetParam()); }
  // A shard in the middle of a batch.
  static Pass pass() { return {.training = dropout() > 0, .seed = 11, .step = 5, .first_example = 7}; }
};
INSTANTIATE_TEST_SUITE_P(
    , Composition, testing::Combine(testing::Values("transformer", "decoder", "encoder"), testing::Values(0.0, 0.3)),
    [](const auto& at) { return std::string(std::get<0>(at.param)) + (std::get<1>(at.param) > 0 ? "_dropping" : ""); });

TEST_P(Composition, EveryOptionIsWhatPlainLoopsMakeOfItAndEachValueIsItsOwn) {
  Comparison comparison(1e-10);
  std::map<std::string, std::vector<std::pair<std::string, std::vector<double>>>> seen;
  for (const auto& [option, value, change] : variants()) {
    SCOPED_TRACE(option + " = " + value);
    ModelConfig config = base(model(), dropout());
    change(config);
    if (option == "dropout" && dropout() == 0) continue;
    const std::vector<double> logits = compared(config, pass(), comparison);
    for (const auto& [other, numbers] : seen[option]) {
      double difference = 0;
      for (std::size_t i = 0; i < logits.size(); ++i)
        difference = std::max(difference, std::abs(logits[i] - numbers.at(i)));
      const bool alike = option == "attention" || (option == "tie" && model() != "transformer" && other != "none");
      EXPECT_EQ(difference < 1e-10, alike) << "against " << other << ": " << difference;
    }
    seen[option].emplace_back(value, logits);
  }
}

// Options that meet: each is right beside any other, not beside the defaults alone.
TEST_P(Composition, OptionsAreRightTogether) {
  Comparison comparison(1e-10);
  const auto all = variants();
  for (std::uint32_t draw = 0; draw < 12; ++draw) {
    const RandomStream random(5, Purpose::test);
    ModelConfig config = base(model(), dropout());
    std::string text;
    for (std::uint32_t i = 0; i < 6; ++i) {
      const Variant& variant = all[random.below(all.size(), draw, i)];
      if (variant.option == "dropout" && dropout() == 0) continue;
      variant.change(config);
      text += variant.option + "=" + variant.value + " ";
    }
    if (config.d_head == 0 && config.d_model % config.heads != 0) continue;
    SCOPED_TRACE(text);
    compared(config, pass(), comparison);
  }
}

// ---- layers on their own, with what no model asks of them

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
    if (idle && (options.score != "dot" || options.normalizer != "softmax")) continue;
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
  for (const NormPlace place : {NormPlace::pre, NormPlace::post}) {
    for (const NormKind kind : {NormKind::layer, NormKind::rms}) {
      for (const auto& [activation, name] :
           {std::pair{Activation::relu, "relu"}, std::pair{Activation::gelu, "gelu"},
            std::pair{Activation::gelu_tanh, "gelu_tanh"}, std::pair{Activation::silu, "silu"}}) {
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
                                     .dropout = 0.25};
          const PlainOptions plain{.heads = 4,
                                   .key_width = 3,
                                   .value_width = 5,
                                   .scale = 0.7,
                                   .norm = place == NormPlace::pre ? "pre" : "post",
                                   .norm_kind = kind == NormKind::layer ? "layer" : "rms",
                                   .activation = name,
                                   .dropout = 0.25};
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
      PlainOptions plain{.heads = 3, .key_width = 2, .value_width = 4, .scale = 0.6, .dropout = 0.3};
      switch (spec.kind) {
        case StageKind::score:
          options.score = plain.score = spec.name;
          break;
        case StageKind::bias:
          options.bias = plain.bias = spec.name;
          break;
        case StageKind::normalizer:
          options.normalizer = plain.normalizer = spec.name;
          break;
      }
      try {
        compare_attention(comparison, options, plain);
      } catch (const ConfigError& refusal) {  // a stage may be beyond the tiled kernel, and nothing else
        EXPECT_EQ(kernel, AttentionKernel::tiled) << refusal.what();
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
                                 .dropout = dropout};
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
