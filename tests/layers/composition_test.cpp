// Every option of the models, in every layer that takes it, against plain loops: outputs, loss, and the derivative by
// every parameter, with dropout off and on; and that each of an option's values gives other numbers.

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "autograd/base/random.hpp"
#include "autograd/ops/cross_entropy.hpp"
#include "autograd/tape.hpp"
#include "layers/attention/combinations.hpp"
#include "layers/attention/stage.hpp"
#include "layers/mixers/mixer.hpp"
#include "layers/models/model.hpp"
#include "layers/pass.hpp"
#include "layers/recurrent/cell.hpp"
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
// And for one that reads features of a grid, and says a class.
constexpr FeatureGrid kGrid{.channels = 3, .rows = 2, .columns = 3};
const std::vector<float> kNumbers = [] {
  const RandomStream random(7, Purpose::test);
  std::vector<float> numbers(3 * 6 * 3);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<float>(random.normal(static_cast<std::uint32_t>(i)));
  }
  return numbers;
}();
const std::vector<std::int32_t> kGridLengths = {6, 6, 6};
const FeatureView kFeatures{kNumbers.data(), kGridLengths.data(), 3, 6, 6, 3};
const std::vector<std::int32_t> kClasses = {5, 8, 4};
const std::vector<std::int32_t> kOnes = {1, 1, 1};
constexpr double kSmoothing = 0.1;

TokenView expectations(const std::string& model) {
  if (model == "encoder") return {kInPlaces.data(), kSourceLengths.data(), 4, 4, 3};
  if (model == "vision") return {kClasses.data(), kOnes.data(), 1, 1, 3};
  return kExpectations;
}

BatchView batch_of(const std::string& model, const TokenView& expect) {
  if (model != "vision") return token_batch(kSources, kInputs, expect);
  return {{.expected = expect, .features = kFeatures}, {Column::expected, Column::features}, "a test", 3, 3};
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
  for (const char* v : {"relu", "gelu", "gelu_tanh", "silu", "sigmoid", "tanh"}) {
    add("activation", v, [v](ModelConfig& c) { c.feed_forward.activation = v; });
  }
  for (const char* v : {"window(1)", "window(1, 1) | prefix(1)", "blocks(2)", "dilated(2)"}) {
    add("attention-mask", v, [v](ModelConfig& c) { c.attention_mask = v; });
  }
  for (const char* v : {"plain", "gated", "none"}) {
    add("feed-forward", v, [v](ModelConfig& c) { c.feed_forward.kind = v; });
  }
  for (const char* v : {"yes", "no"}) {
    add("feed-forward-bias", v, [v](ModelConfig& c) { c.feed_forward.bias = v; });
  }
  for (const char* v : {"pre", "post", "both", "none"}) add("norm", v, [v](ModelConfig& c) { c.norm = v; });
  for (const char* v : {"layer", "rms"}) add("norm_kind", v, [v](ModelConfig& c) { c.norm_kind = v; });
  for (const char* v : {"yes", "no"}) {
    add("norm-bias", v, [v](ModelConfig& c) { c.block.norm_bias = v; });
    add("embedding-norm", v, [v](ModelConfig& c) { c.block.embedding_norm = v; });
    add("final-norm", v, [v](ModelConfig& c) { c.block.final_norm = v; });
    add("output-bias", v, [v](ModelConfig& c) { c.output_bias = v; });
  }
  for (const char* v : {"sequential", "parallel"}) add("residual", v, [v](ModelConfig& c) { c.block.residual = v; });
  for (const char* v : {"post", "both", "none"}) {
    add("residual beside norm", v, [v](ModelConfig& c) { c.block.residual = "parallel", c.norm = v; });
  }
  for (const char* v : {"none", "equal", "learned"}) {
    add("value-residual", v, [v](ModelConfig& c) { c.block.value_residual = v, c.layers = 3; });
  }
  for (const std::int64_t v : {0, 1, 2}) {
    add("distinct-layers", std::to_string(v), [v](ModelConfig& c) { c.block.distinct_layers = v, c.layers = 3; });
  }
  for (const double v : {0.2, 0.8}) {
    add("layer-drop", std::to_string(v), [v](ModelConfig& c) { c.block.layer_drop = v, c.layers = 8; });
  }
  for (const char* v : {"none", "sqrt_dmodel"}) {
    add("embedding-scale", v, [v](ModelConfig& c) { c.embedding_scale = v; });
  }
  for (const char* v : {"inv_sqrt_dk", "none", "inv_dk", "inv_sqrt_dmodel", "learned", "0.3"}) {
    add("scale", v, [v](ModelConfig& c) { c.scale = v; });
  }
  for (const StageSpec& spec : stage_specs()) {
    if (spec.kind == StageKind::bias) continue;
    add(name_of(spec.kind), spec.name, [&spec](ModelConfig& c) {
      choice_of(c.stages, spec.kind) = spec.name;
      c.stages.numbers.top_keys = 2;
    });
  }
  for (const std::int64_t v : {2, 3}) {
    add("top_keys", std::to_string(v),
        [v](ModelConfig& c) { c.stages.normalizer = "top", c.stages.numbers.top_keys = v; });
  }
  for (const double v : {0.3, 5.0}) add("score_cap", std::to_string(v), [v](ModelConfig& c) { c.stages.cap = v; });
  for (const char* v : {"halves", "pairs"}) {
    add("rotary_layout", v, [v](ModelConfig& c) { c.positions = "rotary", c.rotary.layout = v, c.d_head = 4; });
  }
  for (const double v : {0.5, 1.0}) {
    add("rotary_share", std::to_string(v),
        [v](ModelConfig& c) { c.positions = "rotary", c.rotary.share = v, c.d_head = 4; });
  }
  for (const double v : {20.0, 1e4}) {
    add("rotary_base", std::to_string(v),
        [v](ModelConfig& c) { c.positions = "rotary", c.rotary.base = v, c.d_head = 4; });
  }
  for (const std::int64_t v : {1, 2}) {
    add("clip_distance", std::to_string(v), [v](ModelConfig& c) { c.positions = "shaw", c.stages.numbers.clip = v; });
  }
  for (const std::int64_t v : {5, 50}) {
    add("furthest", std::to_string(v), [v](ModelConfig& c) {
      c.positions = "t5";
      c.stages.numbers.buckets = 6;
      c.stages.numbers.furthest = v;
    });
  }
  for (const char* v :
       {"sinusoidal", "learned", "none", "rotary", "alibi", "forgetting", "shaw", "t5", "table", "sinusoidal_2d"}) {
    add("positions", v, [v](ModelConfig& c) { c.positions = v; });
  }
  add("mixer", "attention", [](ModelConfig& c) { c.mixer = "attention"; });
  for (const MixerSpec& spec : mixer_specs()) {
    add("mixer", spec.name, [&spec](ModelConfig& c) { c.mixer = spec.name; });
    if (!spec.turns) continue;
    add("mixer", spec.name + " turned",
        [&spec](ModelConfig& c) { c.mixer = spec.name, c.positions = "rotary", c.d_head = 4; });
  }
  for (const char* v : {"none", "output", "all"}) add("tie", v, [v](ModelConfig& c) { c.tie = v; });
  for (const char* v : {"xavier", "normal"}) add("initialisation", v, [v](ModelConfig& c) { c.initialisation = v; });
  add("mixing", "none", [](ModelConfig& c) { c.stages.mixing = "none"; });
  add("gate", "none", [](ModelConfig& c) { c.stages.gate = "none"; });
  for (const std::int64_t v : {0, 2, 1}) {
    add("kv_heads", std::to_string(v), [v](ModelConfig& c) { c.head.key_heads = v; });
  }
  for (const std::int64_t v : {0, 3}) add("d_value", std::to_string(v), [v](ModelConfig& c) { c.d_value = v; });
  for (const char* v : {"yes", "no"}) {
    add("projection_bias", v, [v](ModelConfig& c) { c.head.projection_bias = v; });
  }
  for (const char* v : {"channels", "reshape"}) add("head_split", v, [v](ModelConfig& c) { c.head.split = v; });
  for (const std::int64_t v : {1, 2, 4}) {
    add("heads", std::to_string(v), [v](ModelConfig& c) { c.heads = v, c.d_head = 3; });
  }
  for (const std::int64_t v : {0, 1, 5}) add("d_head", std::to_string(v), [v](ModelConfig& c) { c.d_head = v; });
  for (const std::int64_t v : {1, 3}) add("layers", std::to_string(v), [v](ModelConfig& c) { c.layers = v; });
  for (const std::int64_t v : {9, 4}) add("d_ff", std::to_string(v), [v](ModelConfig& c) { c.d_ff = v; });
  for (const double v : {0.1, 0.6}) add("dropout", std::to_string(v), [v](ModelConfig& c) { c.dropout = v; });
  for (const char* v : {"same", "0", "0.5"}) {
    add("attention-dropout", v, [v](ModelConfig& c) { c.drops.attention = v; });
    add("feed-forward-dropout", v, [v](ModelConfig& c) { c.drops.feed_forward = v; });
  }
  for (const double v : {1e-12, 1e-5, 0.1}) {
    add("norm-epsilon", std::to_string(v), [v](ModelConfig& c) { c.block.norm_epsilon = v; });
  }
  // These change how numbers are found, or where training begins, but not what comes out.
  for (const char* v : {"auto", "whole", "tiled", "composed"})
    add("attention", v, [v](ModelConfig& c) { c.attention = v; });
  for (const CellSpec& spec : cell_specs()) {
    add("cell", spec.name, [&spec](ModelConfig& c) { c.recurrent.cell = spec.name; });
  }
  for (const std::int64_t v : {3, 2, 5}) {
    add("kernel_width", std::to_string(v), [v](ModelConfig& c) { c.convolution.width = v; });
  }
  add("pooling", "first", [](ModelConfig& c) { c.pooling = "first", c.max_positions = 7; });
  add("pooling", "mean", [](ModelConfig& c) { c.pooling = "mean", c.max_positions = 6; });
  for (const char* v : {"yes", "no"}) add("bidirectional", v, [v](ModelConfig& c) { c.recurrent.bidirectional = v; });
  for (const char* v : {"no", "yes"}) add("input_feeding", v, [v](ModelConfig& c) { c.recurrent.input_feeding = v; });
  return all;
}

// Those that do something in a family.
std::vector<Variant> variants_of(const std::string& model) {
  const std::string of_any = "tie initialisation layers dropout";
  const std::string of_cells = "cell bidirectional input_feeding";
  const std::string of_heads =
      "scale score normalizer mixing gate top_keys score_cap kv_heads d_value projection_bias head_split heads d_head "
      "attention";
  std::vector<Variant> all = variants();
  std::erase_if(all, [&](const Variant& each) {
    if (model == "vision") {
      // A class token that sees what stands before it sees nothing.
      return is_among(of_cells + " kernel_width tie embedding-scale initialisation", each.option) ||
             each.value == "window(1)" || each.value == "blocks(2)";
    }
    if (each.option == "pooling" || each.value == "sinusoidal_2d") return true;
    if (model == "rnn") return !is_among(of_any + " " + of_cells + " " + of_heads, each.option);
    if (model == "rnn_without_attention") return !is_among(of_any + " cell bidirectional", each.option);
    const bool inside = each.option == "positions" && !is_among("sinusoidal learned none", each.value);  // of attention
    if (model == "convolution_decoder") return inside || !is_among(of_any + " kernel_width positions", each.option);
    if (model == "convolution") {
      return inside || !is_among(of_any + " kernel_width positions " + of_heads, each.option);
    }
    if (model == "rnn_decoder") return !is_among(of_any + " cell", each.option);
    if (each.option == "mixer" && each.value == "fourier" && model != "encoder") return true;  // it is never causal
    return is_among(of_cells + " kernel_width", each.option);
  });
  return all;
}

// Biases of scores belong to attention, and rotary positions to those that they mean something to.
bool goes_with_mixer(const ModelConfig& config) {
  if (config.mixer == "attention") return true;
  if (config.positions == "rotary") return find_mixer(config.mixer).turns;
  return !is_among(stage_names(StageKind::bias), config.positions);
}

// Some stages are refused with some kernels.
bool kernel_takes(const ModelConfig& config) {
  const StageChoices& stages = config.stages;
  return go_together({{"attention", config.attention},
                      {"score", stages.score},
                      {"score-cap", stages.cap > 0 ? "2" : "0"},
                      {"head-mixing", stages.mixing},
                      {"normalizer", stages.normalizer}});
}

ModelConfig base(const std::string& model, double dropout) {
  ModelConfig config{.model = model,
                     .layers = 2,
                     .heads = 4,
                     .d_model = 8,
                     .d_ff = 11,
                     .dropout = dropout,
                     .max_positions = 6,
                     .source_vocabulary = 9,
                     .target_vocabulary = 9};
  // Nothing is normed there, and weights of large scores are zero but one, whose gradient is none.
  if (model == "convolution") config.scale = "0.05";
  if (model == "vision") {
    config.features = kGrid;
    config.max_positions = 7;
  }
  return config;
}

// Logits and loss of a variant by the library, held against plain loops; so is the loss's derivative along a direction
// in each parameter. Returns the logits.
std::vector<double> compared(const ModelConfig& config, const Pass& pass, Comparison& comparison) {
  const Model model(config);
  const ParameterLayout& layout = model.layout();
  std::vector<double> values = named_values(layout);
  // Without norms the stream grows from layer to layer, until softmax gives all to one key and no score matters.
  for (double& value : values) value *= config.norm == "none" ? 0.4 : 1;
  ParameterStore<double> store(layout);
  fill(store, values);
  Tape<double> tape(store);
  const TokenView expect = expectations(config.model);
  const auto features = model.features(tape, batch_of(config.model, expect), pass);
  const auto logits = model.project(features);
  const auto loss = model.loss(features, expect, {.label_smoothing = kSmoothing});
  tape.backward(loss);

  PlainModel plain(config, layout, dual(values), pass);
  plain.read(kFeatures);
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
    PlainModel moved(config, layout, dual(values, direction), pass);
    moved.read(kFeatures);
    const double slope = moved.loss(kSources, kInputs, expect, kSmoothing).imag() / kDualStep;
    comparison.near("derivative by " + range.name, std::vector{along}, std::vector{slope});
    // What is added to every key alike takes no part in a softmax; everything else must move the loss.
    const bool idle = range.name.ends_with("attention.key.bias");
    if (config.block.layer_drop > 0 && pass.training) continue;  // its layer may have been left out
    if (idle && (!keeps_shifts(config.stages, config.head) || config.positions == "rotary"))
      continue;  // others may make something of it, or not
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
    , Composition,
    testing::Combine(testing::Values("transformer", "decoder", "encoder", "rnn", "rnn_decoder", "rnn_without_attention",
                                     "convolution", "convolution_decoder", "vision"),
                     testing::Values(0.0, 0.3)),
    [](const auto& at) { return std::string(std::get<0>(at.param)) + (std::get<1>(at.param) > 0 ? "_dropping" : ""); });

TEST_P(Composition, EveryOptionIsWhatPlainLoopsMakeOfItAndEachValueIsItsOwn) {
  Comparison comparison(1e-10);
  std::map<std::string, std::vector<std::pair<std::string, std::vector<double>>>> seen;
  const bool has_two_tables = model_spec(model()).embeddings > 1;
  for (const auto& [option, value, change] : variants_of(model())) {
    SCOPED_TRACE(option + " = " + value);
    ModelConfig config = base(model(), dropout());
    change(config);
    if ((option.ends_with("dropout") || option == "layer-drop") && dropout() == 0) continue;
    const std::vector<double> logits = compared(config, pass(), comparison);
    for (const auto& [other, numbers] : seen[option]) {
      double difference = 0;
      for (std::size_t i = 0; i < logits.size(); ++i)
        difference = std::max(difference, std::abs(logits[i] - numbers.at(i)));
      const bool alike = option == "attention" || (option == "tie" && !has_two_tables && other != "none");
      EXPECT_EQ(difference < 1e-10, alike) << "against " << other << ": " << difference;
    }
    seen[option].emplace_back(value, logits);
  }
}

// Options that meet: each is right beside any other, not beside the defaults alone.
TEST_P(Composition, OptionsAreRightTogether) {
  Comparison comparison(1e-10);
  const auto all = variants_of(model());
  for (std::uint32_t draw = 0; draw < 12; ++draw) {
    const RandomStream random(5, Purpose::test);
    ModelConfig config = base(model(), dropout());
    std::string text;
    for (std::uint32_t i = 0; i < 6; ++i) {
      const Variant& variant = all[random.below(all.size(), draw, i)];
      if (variant.option.ends_with("dropout") && dropout() == 0) continue;
      variant.change(config);
      text += variant.option + "=" + variant.value + " ";
    }
    if (config.d_head == 0 && config.d_model % config.heads != 0) continue;
    config.block.distinct_layers = std::min(config.block.distinct_layers, config.layers - 1);
    if (config.mixer != "attention" || config.block.layer_drop > 0 || config.layers == 1) {
      config.block.value_residual = "none";
    }
    if (config.head.key_heads > config.heads) config.head.key_heads = 1;
    if (config.positions == "shaw") config.stages.score = "dot";  // it is refused with others
    // No distance is below zero, so that all weights would be zero.
    const bool nothing = config.stages.score == "distance" && config.stages.normalizer.starts_with("relu");
    if (nothing) config.stages.normalizer = "sigmoid";
    if (!goes_with_mixer(config)) config.positions = "learned";
    if (config.positions == "rotary" && config.d_head == 1) config.d_head = 2;
    if (config.stages.mixing == "differential") config.d_head = 4;  // two parts, which a rotation can turn
    if (config.stages.score == "additive") config.scale = "none";   // it has none to learn
    if (!kernel_takes(config)) config.attention = "auto";
    // All inner channels of the one column that counts may be off.
    if (model() == "vision" && config.feed_forward.activation == "relu") config.feed_forward.activation = "gelu";
    SCOPED_TRACE(text);
    compared(config, pass(), comparison);
  }
}

}  // namespace
}  // namespace tapehead
