#include "layers/models/model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>

#include "autograd/base/errors.hpp"
#include "autograd/tape.hpp"
#include "layers/pass.hpp"
#include "tests/support/drawn.hpp"
#include "tests/support/token_batch.hpp"

namespace tapehead {
namespace {

using namespace testing_support;
using testing::Contains;
using testing::HasSubstr;

const ModelConfig kSmall{.layers = 2,
                         .heads = 2,
                         .d_model = 6,
                         .d_ff = 10,
                         .max_positions = 7,
                         .source_vocabulary = 8,
                         .target_vocabulary = 9};

ModelConfig changed(const std::function<void(ModelConfig&)>& change) {
  ModelConfig config = kSmall;
  change(config);
  return config;
}

ModelConfig of_kind(const std::string& model) {
  return changed([&](ModelConfig& c) { c.model = model; });
}

// Sequences of one length each, in one block of memory.
struct Sequences {
  std::vector<std::int32_t> ids, lengths;
  std::int64_t positions;

  TokenView view() const {
    return {ids.data(), lengths.data(), positions, positions, static_cast<std::int64_t>(lengths.size())};
  }
};

// Logits (V, T, B) of a model with drawn parameters.
template <Scalar T>
std::vector<T> logits_of(const Model& model, const Sequences& source, const Sequences& input, const Pass& pass = {}) {
  ParameterStore<T> store(model.layout());
  fill(store, drawn_parameters(model.layout(), 1));
  Tape<T> tape(store);
  const Var<T> logits = model.logits(tape, token_batch(source.view(), input.view()), pass);
  return {logits.data(), logits.data() + logits.shape().size()};
}

const Sequences kSource{{4, 5, 6, 7, 7, 6}, {3, 3}, 3};
const Sequences kInput{{kStart, 5, 4, 8, 6, kStart, 6, 7, 4, 4}, {5, 5}, 5};

class EitherModel : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(, EitherModel, testing::Values("transformer", "decoder"),
                         [](const auto& each) { return std::string(each.param); });

TEST_P(EitherModel, LaterTokensDoNotChangeEarlierLogitsByOneBit) {
  const Model model(of_kind(GetParam()));
  const auto before = logits_of<float>(model, kSource, kInput);
  for (std::int64_t position = 1; position < 5; ++position) {
    Sequences later = kInput;
    for (std::int64_t b = 0; b < 2; ++b) {
      std::int32_t& id = later.ids[static_cast<std::size_t>(position + 5 * b)];
      id = id == 8 ? 5 : 8;
    }
    const auto after = logits_of<float>(model, kSource, later);
    for (std::int64_t b = 0; b < 2; ++b) {
      const auto first = 9 * 5 * b;
      const auto changed_at = first + 9 * position;
      for (std::int64_t i = first; i < changed_at; ++i) {
        EXPECT_EQ(before[static_cast<std::size_t>(i)], after[static_cast<std::size_t>(i)]) << position << " " << i;
      }
      EXPECT_NE(before[static_cast<std::size_t>(changed_at)], after[static_cast<std::size_t>(changed_at)]) << position;
    }
  }
}

TEST_P(EitherModel, TheLengthOfTheBatchChangesNoLogitOfAShorterExample) {
  const Model model(of_kind(GetParam()));
  const Sequences source{{4, 5}, {2}, 2};
  const Sequences input{{kStart, 5, 4}, {3}, 3};
  const auto alone = logits_of<double>(model, source, input);
  const Sequences padded_source{{4, 5, kPadding, 6, 7, 4}, {2, 3}, 3};
  const Sequences padded_input{{kStart, 5, 4, kPadding, kPadding, kStart, 5, 6, 7, 8}, {3, 5}, 5};
  const auto together = logits_of<double>(model, padded_source, padded_input);
  for (std::size_t i = 0; i < alone.size(); ++i) EXPECT_NEAR(together[i], alone[i], 1e-13) << i;
}

TEST(Transformer, WhatStandsInSourcePaddingDoesNotMatter) {
  const Model model(kSmall);
  const Sequences padded{{4, 5, kPadding, 7, 7, 6}, {2, 3}, 3};
  Sequences rubbish = padded;
  rubbish.ids[2] = 7;
  EXPECT_EQ(logits_of<float>(model, padded, kInput), logits_of<float>(model, rubbish, kInput));
  rubbish.lengths[0] = 3;  // the same id as a word of the source does matter
  EXPECT_NE(logits_of<float>(model, padded, kInput), logits_of<float>(model, rubbish, kInput));
}

TEST(Transformer, AnExampleWithoutASourceStaysFinite) {
  const Model model(kSmall);
  const Sequences source{{kPadding, kPadding, kPadding, 7, 7, 6}, {0, 3}, 3};
  for (const double logit : logits_of<double>(model, source, kInput)) EXPECT_TRUE(std::isfinite(logit));
}

TEST(Decoder, IgnoresItsSource) {
  const Model model(of_kind("decoder"));
  EXPECT_FALSE(model.reads_source());
  EXPECT_EQ(logits_of<float>(model, {}, kInput), logits_of<float>(model, kSource, kInput));
}

std::int64_t linear(std::int64_t in, std::int64_t out) { return in * out + out; }

TEST(Model, HasTheParametersOfAHandCount) {
  // C = 6, F = 10; attention: 4 projections; a norm: 2 C.
  const std::int64_t attention = 4 * linear(6, 6);
  const std::int64_t feed_forward = linear(6, 10) + linear(10, 6);
  const std::int64_t encoder_layer = attention + feed_forward + 2 * 12;
  const std::int64_t decoder_layer = 2 * attention + feed_forward + 3 * 12;
  EXPECT_EQ(Model(kSmall).layout().parameter_count(),
            6 * 8 + 6 * 9 + 2 * encoder_layer + 12 + 2 * decoder_layer + 12 + linear(6, 9));
  EXPECT_EQ(Model(of_kind("decoder")).layout().parameter_count(), 6 * 9 + 2 * encoder_layer + 12 + linear(6, 9));
  // Wider heads: queries, keys, values 6 → 2·5, back 2·5 → 6. Learned positions: 7 columns.
  const Model wide(changed([](ModelConfig& c) {
    c.model = "decoder";
    c.d_head = 5;
    c.positions = "learned";
  }));
  EXPECT_EQ(wide.layout().parameter_count(),
            6 * 9 + 6 * 7 + 2 * (3 * linear(6, 10) + linear(10, 6) + feed_forward + 2 * 12) + 12 + linear(6, 9));
}

std::vector<std::string> names_of(const Model& model) {
  std::vector<std::string> names;
  for (const ParameterRange& range : model.layout().ranges()) names.push_back(range.name);
  return names;
}

TEST(Model, NamesItsParametersByTheirPath) {
  const auto names = names_of(Model(kSmall));
  for (const char* name :
       {"source_embedding.weight", "target_embedding.weight", "encoder.layers.0.self_attention.query.weight",
        "encoder.layers.1.feed_forward.inner.bias", "encoder.layers.0.self_attention_norm.gain", "encoder.norm.bias",
        "decoder.layers.1.cross_attention.value.weight", "decoder.layers.0.cross_attention_norm.gain",
        "decoder.layers.0.cross_attention.output.bias", "decoder.norm.gain", "output.weight", "output.bias"}) {
    EXPECT_THAT(names, Contains(name));
  }
  EXPECT_THAT(names_of(Model(of_kind("decoder"))), Contains("decoder.layers.1.self_attention.key.bias"));
  const Model learned(changed([](ModelConfig& c) { c.positions = "learned"; }));
  EXPECT_THAT(names_of(learned), Contains("target_embedding.positions.weight"));
}

// Without biases there are none, on the way in or out; each group by itself.
TEST(Model, LeavesOutTheBiasesThatAreNotWanted) {
  const auto group_of = [](const std::string& name) -> std::string {
    if (name.find("norm.") != std::string::npos) return "norm";
    if (name.find(".feed_forward.") != std::string::npos) return "feed_forward";
    return name.starts_with("output.") ? "output" : "projection";
  };
  const std::pair<std::string, std::function<void(ModelConfig&)>> groups[] = {
      {"norm", [](ModelConfig& c) { c.block.norm_bias = "no"; }},
      {"feed_forward", [](ModelConfig& c) { c.feed_forward.bias = "no"; }},
      {"output", [](ModelConfig& c) { c.output_bias = "no"; }},
      {"projection", [](ModelConfig& c) { c.head.projection_bias = "no"; }}};
  for (const char* kind : {"plain", "gated"}) {
    for (const auto& [group, leave_out] : groups) {
      const ModelConfig all =
          changed([&](ModelConfig& c) { c.feed_forward.kind = kind, c.norm = "both", c.block.embedding_norm = "yes"; });
      ModelConfig fewer = all;
      leave_out(fewer);
      std::vector<std::string> expected;
      for (const std::string& name : names_of(Model(all))) {
        if (!name.ends_with(".bias") || group_of(name) != group) expected.push_back(name);
      }
      EXPECT_EQ(names_of(Model(fewer)), expected) << kind << " " << group;
      EXPECT_LT(expected.size(), names_of(Model(all)).size()) << kind << " " << group;
    }
  }
}

TEST(Model, DecaysMatricesAndNothingElse) {
  const Model model(kSmall);
  for (const ParameterRange& range : model.layout().ranges()) {
    EXPECT_EQ(range.decay, range.name.ends_with(".weight")) << range.name;
  }
}

// A tied table is one parameter: it is there once, and both its uses move it.
TEST(Model, TiedTablesAreOneParameter) {
  const auto with = [](const char* tie) {
    return changed([&](ModelConfig& c) {
      c.tie = tie;
      c.source_vocabulary = c.target_vocabulary;
      c.dropout = 0;
    });
  };
  const auto table = with("none").d_model * with("none").target_vocabulary;
  const Model apart(with("none"));
  const Model output(with("output"));
  const Model all(with("all"));
  EXPECT_EQ(output.layout().parameter_count(), apart.layout().parameter_count() - table);
  EXPECT_EQ(all.layout().parameter_count(), apart.layout().parameter_count() - 2 * table);
  EXPECT_THAT(names_of(output), testing::Not(Contains("output.weight")));
  EXPECT_THAT(names_of(output), Contains("output.bias"));
  EXPECT_THAT(names_of(all), testing::Not(Contains("target_embedding.weight")));
  EXPECT_THAT(names_of(all), Contains("source_embedding.weight"));

  // The same as the untied model whose tables are equal; the gradient is the sum of theirs.
  const auto loss_and_gradient = [](const Model& model, ParameterStore<double>& store) {
    Tape<double> tape(store);
    const std::int32_t source[] = {4, 5, 2};
    const std::int32_t input[] = {1, 5, 4};
    const std::int32_t expected[] = {5, 4, 2};
    const std::int32_t lengths[] = {3};
    const TokenView from{source, lengths, 3, 3, 1};
    const Var<double> loss =
        model.loss(tape, token_batch(from, {input, lengths, 3, 3, 1}, {expected, lengths, 3, 3, 1}), {}, 0);
    tape.backward(loss);
    return loss.item();
  };
  ParameterStore<double> tied(all.layout());
  tied.initialise(3);
  ParameterStore<double> untied(apart.layout());
  for (const ParameterRange& range : apart.layout().ranges()) {
    const bool is_table = range.name == "output.weight" || range.name == "target_embedding.weight";
    const ParameterRange* from = all.layout().find(is_table ? "source_embedding.weight" : range.name);
    std::ranges::copy(tied.values(*from), untied.values(range).begin());
  }
  EXPECT_NEAR(loss_and_gradient(all, tied), loss_and_gradient(apart, untied), 1e-14);
  const auto sum_of = [&](std::size_t i) {
    double sum = 0;
    for (const char* name : {"source_embedding.weight", "target_embedding.weight", "output.weight"}) {
      sum += untied.gradients(*apart.layout().find(name))[i];
    }
    return sum;
  };
  const auto gradient = tied.gradients(*all.layout().find("source_embedding.weight"));
  for (std::size_t i = 0; i < gradient.size(); ++i) EXPECT_NEAR(gradient[i], sum_of(i), 1e-14) << i;
}

TEST(Model, RmsNormsHaveNoBias) {
  const Model model(changed([](ModelConfig& c) { c.norm_kind = "rms"; }));
  EXPECT_THAT(names_of(model), Contains("encoder.norm.gain"));
  EXPECT_THAT(names_of(model), testing::Not(Contains("encoder.norm.bias")));
}

TEST(Model, MovesWithoutItsStoresNoticing) {
  Model first(kSmall);
  const ParameterStore<float> store(first.layout());
  const Model second = std::move(first);
  EXPECT_EQ(&store.layout(), &second.layout());
}

TEST(Model, RefusesWhatMakesNoModelInOneLineThatNamesTheOption) {
  const std::pair<std::function<void(ModelConfig&)>, const char*> refusals[] = {
      {[](ModelConfig& c) { c.model = "lstm"; },
       "model: \"lstm\" is none of convolution, convolution_decoder, decoder, encoder, rnn, rnn_decoder, "
       "rnn_without_attention, transformer, vision"},
      {[](ModelConfig& c) { c.norm = "twice"; }, "norm: \"twice\" is none of pre, post, both, none"},
      {[](ModelConfig& c) { c.initialisation = "he"; }, "initialisation: \"he\" is none of xavier, kaiming, normal"},
      {[](ModelConfig& c) { c.draw.deviation = 0; }, "init-deviation: must be more than 0, not 0"},
      {[](ModelConfig& c) { c.block.residual = "beside"; }, "residual: \"beside\" is none of sequential, parallel"},
      {[](ModelConfig& c) { c.block.value_residual = "yes"; },
       "value-residual: \"yes\" is none of none, equal, learned"},
      {[](ModelConfig& c) { c.block.distinct_layers = 3; },
       "distinct-layers: 3 must be fewer than all layers, of which there are 2; take fewer, or 0"},
      {[](ModelConfig& c) { c.block.value_residual = "equal", c.layers = 1; },
       "value-residual: equal mixes values with those of the first layer, and there is no other"},
      {[](ModelConfig& c) { c.block.layer_drop = 1; }, "layer-drop: must be less than 1, not 1"},
      {[](ModelConfig& c) { c.attention_mask = "windw(3)"; }, "attention-mask: "},
      {[](ModelConfig& c) { c.attention_mask = "documents(3)"; }, "attention-mask: documents goes by what is read"},
      {[](ModelConfig& c) {
         c.attention_mask = "prefix(1) | prefix(2) | prefix(3) | prefix(4) | prefix(5) | prefix(6)";
       },
       "attention-mask: 9 terms are joined"},
      {[](ModelConfig& c) { c.feed_forward.activation = "elu"; },
       "activation: \"elu\" is none of relu, gelu, gelu_tanh, silu"},
      {[](ModelConfig& c) { c.norm_kind = "batch"; }, "norm-kind: \"batch\" is none of layer, rms"},
      {[](ModelConfig& c) { c.tie = "yes"; }, "tie: \"yes\" is none of none, output, all"},
      {[](ModelConfig& c) { c.tie = "all", c.source_vocabulary = c.target_vocabulary + 2; },
       "tie: all needs the same words in source and target"},
      {[](ModelConfig& c) { c.positions = "relative"; }, "positions: \"relative\" is none of its 10 choices"},
      {[](ModelConfig& c) { c.scale = "half"; }, "scale: \"half\" is none of"},
      {[](ModelConfig& c) { c.layers = 0; }, "layers: must be at least 1, not 0"},
      {[](ModelConfig& c) { c.heads = 0; }, "heads: must be at least 1, not 0"},
      {[](ModelConfig& c) { c.heads = 4; }, "heads: 4 heads do not divide d-model 6; choose a divisor, or set d-head"},
      {[](ModelConfig& c) { c.d_model = 0; }, "d-model: must be at least 1, not 0"},
      {[](ModelConfig& c) { c.d_head = -1; }, "d-head: must be at least 0, not -1"},
      {[](ModelConfig& c) { c.d_ff = 0; }, "d-ff: must be at least 1, not 0"},
      {[](ModelConfig& c) { c.max_positions = 0; }, "max-positions: must be at least 1, not 0"},
      {[](ModelConfig& c) { c.dropout = 1; }, "dropout: must be less than 1, not 1"},
      {[](ModelConfig& c) { c.dropout = -0.1; }, "dropout: must be at least 0, not -0.1"},
      {[](ModelConfig& c) { c.dropout = std::nan(""); }, "dropout: \"nan\" is not a finite number"},
      {[](ModelConfig& c) { c.source_vocabulary = 3; }, "source vocabulary: must be at least 4, not 3"},
      {[](ModelConfig& c) { c.target_vocabulary = 3; }, "target vocabulary: must be at least 4, not 3"},
  };
  for (const auto& [change, message] : refusals) {
    try {
      const Model model(changed(change));
      ADD_FAILURE() << "not refused: " << message;
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), HasSubstr(message));
      EXPECT_THAT(error.what(), testing::Not(HasSubstr("\n")));
    }
  }
  EXPECT_NO_THROW(check_config(changed([](ModelConfig& c) {
    c.model = "decoder";
    c.source_vocabulary = 0;  // a decoder-only model has no source
  })));
}

}  // namespace
}  // namespace tapehead
