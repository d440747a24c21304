// What a decoding state says is what reading everything anew says, for every family and every option.

#include "layers/models/decoding_state.hpp"
#include "autograd/tape.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
#include "layers/mixers/mixer.hpp"
#include "layers/models/model.hpp"
#include "layers/pass.hpp"
#include "layers/recurrent/cell.hpp"
#include "tests/support/drawn.hpp"

namespace tapehead {
namespace {

using Ids = std::vector<std::int32_t>;
using testing_support::drawn_parameters;
using testing_support::fill;

constexpr std::int64_t kVocabulary = 11;
constexpr std::int64_t kPositions = 80;

struct Variant {
  std::string name;
  std::function<void(ModelConfig&)> change;
};

std::vector<Variant> variants() {
  std::vector<Variant> all{{"as_it_is", [](ModelConfig&) {}},
                           {"post", [](ModelConfig& c) { c.norm = "post"; }},
                           {"rms", [](ModelConfig& c) { c.norm_kind = "rms"; }},
                           {"sandwich_without_biases",
                            [](ModelConfig& c) {
                              c.norm = "both";
                              c.block.norm_bias = "no";
                              c.block.embedding_norm = "yes";
                              c.output_bias = "no";
                            }},
                           {"without_norms", [](ModelConfig& c) { c.norm = "none"; }},
                           {"parallel", [](ModelConfig& c) { c.block.residual = "parallel"; }},
                           {"value_residual_forgetting",
                            [](ModelConfig& c) {
                              c.block.value_residual = "learned";
                              c.layers = 3;
                              c.positions = "forgetting";
                            }},
                           {"universal_equal_values_rotary",
                            [](ModelConfig& c) {
                              c.block.value_residual = "equal";
                              c.block.distinct_layers = 1;
                              c.layers = 3;
                              c.positions = "rotary";
                            }},
                           {"layer_drop", [](ModelConfig& c) { c.block.layer_drop = 0.7; }},
                           {"learned", [](ModelConfig& c) { c.positions = "learned"; }},
                           {"no_positions", [](ModelConfig& c) { c.positions = "none"; }},
                           {"tied", [](ModelConfig& c) { c.tie = "output"; }},
                           {"all_tied_post_gelu",
                            [](ModelConfig& c) {
                              c.tie = "all";
                              c.norm = "post";
                              c.feed_forward.activation = "gelu";
                            }},
                           {"tiled", [](ModelConfig& c) { c.attention = "tiled"; }},
                           {"whole", [](ModelConfig& c) { c.attention = "whole"; }},
                           {"cosine", [](ModelConfig& c) { c.stages.score = "cosine"; }},
                           {"rotary", [](ModelConfig& c) { c.positions = "rotary"; }},
                           {"alibi", [](ModelConfig& c) { c.positions = "alibi"; }},
                           {"shaw", [](ModelConfig& c) { c.positions = "shaw", c.stages.numbers.clip = 2; }},
                           {"t5", [](ModelConfig& c) { c.positions = "t5", c.stages.numbers.buckets = 4; }},
                           {"sparsemax", [](ModelConfig& c) { c.stages.normalizer = "sparsemax"; }},
                           {"stick_breaking", [](ModelConfig& c) { c.stages.normalizer = "stick_breaking"; }},
                           {"composed", [](ModelConfig& c) { c.attention = "composed"; }},
                           {"grouped_query", [](ModelConfig& c) { c.heads = 4, c.head.key_heads = 2; }},
                           {"multi_query_wide_values", [](ModelConfig& c) { c.head.key_heads = 1, c.d_value = 5; }},
                           {"forgetting", [](ModelConfig& c) { c.positions = "forgetting"; }},
                           {"table", [](ModelConfig& c) { c.positions = "table"; }},
                           {"talking", [](ModelConfig& c) { c.stages.mixing = "talking"; }},
                           {"differential_grouped_rotary",
                            [](ModelConfig& c) {
                              c.heads = 4;
                              c.d_head = 4;
                              c.head.key_heads = 2;
                              c.stages.mixing = "differential";
                              c.positions = "rotary";
                            }},
                           {"differential_forgetting_gated",
                            [](ModelConfig& c) {
                              c.stages.mixing = "differential";
                              c.positions = "forgetting";
                              c.stages.gate = "learned";
                              c.head.projection_bias = "no";
                              c.scale = "learned";
                            }},
                           {"wide_heads", [](ModelConfig& c) { c.d_head = 5; }},
                           {"unscaled_normal",
                            [](ModelConfig& c) {
                              c.scale = "none";
                              c.initialisation = "normal";
                            }},
                           {"one_layer_silu",
                            [](ModelConfig& c) {
                              c.layers = 1;
                              c.feed_forward.activation = "silu";
                            }},
                           {"window", [](ModelConfig& c) { c.attention_mask = "window(1) | prefix(1)"; }},
                           {"dropout", [](ModelConfig& c) { c.dropout = 0.5; }}};
  for (const CellSpec& spec : cell_specs()) {
    all.push_back({"cell_" + spec.name, [&spec](ModelConfig& c) { c.recurrent.cell = spec.name; }});
  }
  all.push_back({"lstm_forward", [](ModelConfig& c) { c.recurrent = {.cell = "lstm", .bidirectional = "no"}; }});
  all.push_back({"lstm_feeding", [](ModelConfig& c) { c.recurrent = {.cell = "lstm", .input_feeding = "yes"}; }});
  all.push_back({"kernel_width_5", [](ModelConfig& c) { c.convolution.width = 5; }});
  for (const MixerSpec& spec : mixer_specs()) {
    all.push_back({spec.name, [&spec](ModelConfig& c) { c.mixer = spec.name; }});
    if (!spec.turns) continue;
    all.push_back({spec.name + "_turned", [&spec](ModelConfig& c) { c.mixer = spec.name, c.positions = "rotary"; }});
  }
  return all;
}

ModelConfig config_of(const std::string& family, const Variant& variant) {
  ModelConfig config{.model = family,
                     .layers = 2,
                     .heads = 2,
                     .d_model = 8,
                     .d_ff = 12,
                     .max_positions = kPositions,
                     .source_vocabulary = kVocabulary,
                     .target_vocabulary = kVocabulary};
  variant.change(config);
  return config;
}

// Logits of the token that comes after `written`, in one pass over everything: no cache, no state.
std::vector<double> read_anew(const Model& model, Tape<double>& tape, const Ids& source, const Ids& written) {
  Ids read = source;
  read.push_back(kEnd);
  Ids input{kStart};
  if (!model.reads_source()) input.insert(input.end(), read.begin(), read.end());
  input.insert(input.end(), written.begin(), written.end());
  const bool places = !model.spec().reads.has(Column::input);  // one token in the place of each source token
  const TokenColumns sources({read});
  const TokenColumns inputs({input});
  const NoGrad<double> no_grad(tape);
  const BatchView batch({.source = sources.view(), .input = inputs.view()}, {Column::source, Column::input}, "a test",
                        1, 0);
  const Var<double> logits = model.logits(tape, batch, Pass{});
  const std::int64_t at = places ? std::ssize(written) : std::ssize(input) - 1;
  const double* column = logits.data() + kVocabulary * at;
  return {column, column + kVocabulary};
}

class DecodingStates : public testing::TestWithParam<std::string> {
 protected:
  // Sources of several lengths, the longest so long that caches grow.
  const std::vector<Ids> sources_{Ids(3, 5), {}, Ids(37, 7), {4, 9, 10, 6, 5}};
};
INSTANTIATE_TEST_SUITE_P(, DecodingStates, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const ModelSpec& spec : model_specs()) {
                             if (!spec.reads_features()) names.push_back(spec.name);  // see vision_test.cpp
                           }
                           return names;
                         }()),
                         [](const auto& each) { return each.param; });

// Columns by their source and what was written in them; every so many steps they change places, some rest, some go, one
// comes twice.
TEST_P(DecodingStates, SayWhatReadingAnewSays) {
  for (const Variant& variant : variants()) {
    SCOPED_TRACE(variant.name);
    if (variant.name == "fourier" && GetParam() != "encoder") continue;  // it writes nothing token by token
    const Model model(config_of(GetParam(), variant));
    ParameterStore<double> parameters(model.layout());
    fill(parameters, drawn_parameters(model.layout(), 5));
    Tape<double> tape(parameters);
    const auto state = model.begin(tape, sources_);
    ASSERT_EQ(state->columns(), 4);
    ASSERT_EQ(state->vocabulary(), kVocabulary);
    std::vector<std::size_t> source_of{0, 1, 2, 3};
    std::vector<Ids> written(4);
    const RandomStream random(3, Purpose::test);
    std::uint32_t draws = 0;
    const auto drawn = [&](std::int64_t below) {
      return static_cast<std::int32_t>(random.uniform(draws++) * static_cast<double>(below));
    };
    std::int64_t compared = 0;
    for (int step = 0; step < 34; ++step) {
      for (std::size_t b = 0; b < source_of.size(); ++b) {
        const Ids& source = sources_[source_of[b]];
        const auto column = static_cast<std::int64_t>(b);
        if (state->room(column) < 1) continue;
        const std::vector<double> expected = read_anew(model, tape, source, written[b]);
        for (std::int64_t v = 0; v < kVocabulary; ++v) {
          ASSERT_NEAR(state->logits()[v + kVocabulary * column], expected[static_cast<std::size_t>(v)], 1e-12)
              << "step " << step << " column " << b << " token " << v;
        }
        ++compared;
      }
      if (step % 7 == 4) {
        const std::vector<std::vector<std::int32_t>> orders{{3, 2, 1, 0}, {1, 3, 0, 1, 2}, {4, 0, 2}, {2, 1, 0, 0}};
        const auto& order = orders[static_cast<std::size_t>(step / 7) % orders.size()];
        state->reorder(order);
        std::vector<std::size_t> sources;
        std::vector<Ids> texts;
        for (const std::int32_t from : order) {
          sources.push_back(source_of.at(static_cast<std::size_t>(from)));
          texts.push_back(written.at(static_cast<std::size_t>(from)));
        }
        source_of = sources;
        written = texts;
        ASSERT_EQ(state->columns(), std::ssize(order));
      }
      Ids tokens;
      for (std::size_t b = 0; b < source_of.size(); ++b) {
        const bool rests = drawn(5) == 0 || state->room(static_cast<std::int64_t>(b)) < 2;
        tokens.push_back(rests ? kPadding : kEnd + drawn(kVocabulary - kEnd));
        if (!rests) written[b].push_back(tokens.back());
      }
      state->step(tokens);
    }
    EXPECT_GT(compared, GetParam() == "encoder" ? 15 : 60);
    EXPECT_EQ(tape.node_count(), 0U) << "the tape is left as it was";
  }
}

TEST_P(DecodingStates, HaveTheRoomOfTheModelsPositions) {
  const Model model(config_of(GetParam(), variants().front()));
  ParameterStore<float> parameters(model.layout());
  parameters.initialise(2);
  Tape<float> tape(parameters);
  const auto state = model.begin(tape, sources_);
  for (std::int64_t b = 0; b < state->columns(); ++b) {
    const auto source = std::ssize(sources_[static_cast<std::size_t>(b)]);
    const std::int64_t before = model.reads_source() ? 1 : source + 2;
    const bool places = !model.spec().reads.has(Column::input);
    EXPECT_EQ(state->room(b), places ? source + 1 : kPositions - before + 1) << b;
  }
  // The first column to its very end; the others rest.
  for (std::int64_t room = state->room(0); room > 1; --room) {
    state->step(Ids{5, kPadding, kPadding, kPadding});
    ASSERT_EQ(state->room(0), room - 1);
  }
}

// What a position gets then depends on those that are not written yet.
TEST(DecodingState, ModelsWhoseHeadsAreReshapedWriteNothing) {
  ModelConfig config{.model = "decoder",
                     .heads = 2,
                     .d_model = 8,
                     .max_positions = kPositions,
                     .source_vocabulary = kVocabulary,
                     .target_vocabulary = kVocabulary};
  config.head.split = "reshape";
  const Model model(config);
  ParameterStore<double> parameters(model.layout());
  Tape<double> tape(parameters);
  try {
    model.begin(tape, std::vector<Ids>{{4, 5}});
    FAIL() << "it began to write";
  } catch (const ConfigError& refusal) {
    EXPECT_NE(std::string(refusal.what()).find("head-split reshape mixes positions"), std::string::npos)
        << refusal.what();
  }
}

}  // namespace
}  // namespace tapehead
