// Probes read and replace: each kind of value, in attentions and in whole models.

#include "layers/probe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "autograd/base/errors.hpp"
#include "autograd/check/check.hpp"
#include "autograd/ops/multiply.hpp"
#include "autograd/ops/scale.hpp"
#include "layers/attention/multi_head_attention.hpp"
#include "layers/models/model.hpp"
#include "layers/spec.hpp"
#include "tests/support/built.hpp"
#include "tests/support/comparison.hpp"
#include "tests/support/drawn.hpp"
#include "tests/support/token_batch.hpp"

namespace tapehead {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::HasSubstr;
using Numbers = std::vector<double>;

Numbers numbers(const Var<double>& x) { return {x.data(), x.data() + x.shape().size()}; }

const std::vector<std::int32_t> kSource = {4, 5, 6, 7, 7, 6};
const std::vector<std::int32_t> kSourceLengths = {3, 2};
const std::vector<std::int32_t> kInput = {1, 5, 4, 1, 6, 7};
const std::vector<std::int32_t> kLengths = {3, 3};
const TokenView kSources{kSource.data(), kSourceLengths.data(), 3, 3, 2};
const TokenView kInputs{kInput.data(), kLengths.data(), 3, 3, 2};

Model model_of(const std::string& kind) {
  return Model({.model = kind,
                .layers = 2,
                .heads = 2,
                .d_model = 6,
                .d_ff = 10,
                .max_positions = 7,
                .source_vocabulary = 8,
                .target_vocabulary = 9});
}

// Logits of a model with these parameters, seen by a probe.
Numbers logits_of(const Model& model, const Numbers& parameters, const Probe* probe) {
  ParameterStore<double> store(model.layout());
  fill(store, parameters);
  Tape<double> tape(store);
  return numbers(model.logits(tape, token_batch(kSources, kInputs), {.probe = probe}));
}

TEST(Probe, WeightsSumToOneAndRespectTheMaskBeforeDropout) {
  const Built<MultiHeadAttention> built(MultiHeadAttention::Options{.channels = 6, .heads = 3, .dropout = 0.5});
  ParameterStore<float> store(built.layout);
  fill(store, drawn_parameters(built.layout, 1));
  Tape<float> tape(store);
  const auto values = drawn_numbers(6 * 5 * 2, 7);
  const auto x = tape.constant({6, 5, 2}, std::vector<float>(values.begin(), values.end()).data());
  const std::int32_t lengths[] = {5, 3};
  int seen = 0;
  const ProbeAt probe({What::weights}, [&](const Site& site, auto weights) {
    ++seen;
    EXPECT_EQ(site.heads, 3);
    EXPECT_EQ(site.role, AttentionRole::causal);
    ASSERT_EQ(weights.shape(), (Shape{5, 5, 6}));
    for (std::int64_t s = 0; s < 6; ++s) {
      for (std::int64_t q = 0; q < 5; ++q) {
        double sum = 0;
        for (std::int64_t k = 0; k < 5; ++k) {
          const double weight = real_part(weights.data()[weights.shape().offset({k, q, s})]);
          EXPECT_EQ(weight > 0, k <= q && k < lengths[s / 3]) << k << " " << q << " " << s;
          sum += weight;
        }
        EXPECT_NEAR(sum, 1, 1e-6);
      }
    }
  });
  built.layer(x, Mask::causal() & Mask::padding({.lengths = lengths}), {.training = true, .probe = &probe});
  EXPECT_EQ(seen, 1);
}

// What a model shows, and of whom.
std::vector<std::string> sites_of(const std::string& kind, What what) {
  static const std::map<AttentionRole, std::string> roles{{AttentionRole::none, ""},
                                                          {AttentionRole::self, " self"},
                                                          {AttentionRole::causal, " causal"},
                                                          {AttentionRole::cross, " cross"}};
  std::vector<std::string> sites;
  const ProbeAt probe({what},
                      [&](const Site& site, Var<double>) { sites.push_back(site.layer + roles.at(site.role)); });
  const Model model = model_of(kind);
  logits_of(model, drawn_parameters(model.layout(), 1), &probe);
  return sites;
}

TEST(Probe, SitesAreLayersWithTheirRoles) {
  for (const What what : {What::scores, What::weights, What::context, What::output}) {
    EXPECT_THAT(sites_of("transformer", what),
                ElementsAre("encoder.layers.0.self_attention self", "encoder.layers.1.self_attention self",
                            "decoder.layers.0.self_attention causal", "decoder.layers.0.cross_attention cross",
                            "decoder.layers.1.self_attention causal", "decoder.layers.1.cross_attention cross"));
    EXPECT_THAT(sites_of("decoder", what),
                ElementsAre("decoder.layers.0.self_attention causal", "decoder.layers.1.self_attention causal"));
  }
  EXPECT_THAT(sites_of("transformer", What::stream),
              ElementsAre("encoder.layers.0", "encoder.layers.1", "decoder.layers.0", "decoder.layers.1"));
}

// Everything that a model shows of one kind, by layer; `change` replaces it.
template <class Change>
std::map<std::string, Numbers> contexts_of(const Model& model, const Numbers& parameters, Numbers& logits,
                                           Change change) {
  std::map<std::string, Numbers> seen;
  const ProbeAt probe({What::context}, [&](const Site& site, Var<double> context) {
    seen[site.layer] = numbers(context);
    return change(site, context);
  });
  logits = logits_of(model, parameters, &probe);
  return seen;
}

// A head whose context is zero is a head whose rows of the output projection are: nothing before it changes, nor do the
// other heads beside it, and what follows is the same either way.
TEST(Probe, LeavingOutAHeadIsTakingAwayWhatTheOutputMakesOfIt) {
  for (const std::string kind : {"transformer", "decoder"}) {
    const Model model = model_of(kind);
    const Numbers parameters = drawn_parameters(model.layout(), 1);
    const std::string left_out = "decoder.layers.1.self_attention";
    constexpr std::int64_t kHead = 1;
    constexpr std::int64_t kWidth = 3;
    const auto zeroed = [&](const Site& site, Var<double> context) {
      if (site.layer != left_out) return context;
      Numbers mask(static_cast<std::size_t>(context.shape().size()), 1.0);
      for (std::size_t i = 0; i < mask.size(); ++i)
        mask[i] = static_cast<std::int64_t>(i) % 6 / kWidth == kHead ? 0 : 1;
      return multiply(context, context.tape().constant(context.shape(), mask.data()));
    };
    Numbers plain, without;
    const auto before = contexts_of(model, parameters, plain, [](const Site&, Var<double> x) { return x; });
    const auto after = contexts_of(model, parameters, without, zeroed);
    EXPECT_NE(plain, without);
    for (const auto& [layer, context] : before) {
      if (layer == "decoder.layers.1.cross_attention") continue;  // it comes after
      EXPECT_EQ(context, after.at(layer)) << layer;               // to the bit
    }

    Numbers cut = parameters;
    const ParameterRange& output = *model.layout().find(left_out + ".output.weight");
    for (std::int64_t c = 0; c < output.shape.columns; ++c) {
      for (std::int64_t r = kHead * kWidth; r < (kHead + 1) * kWidth; ++r) {
        cut[static_cast<std::size_t>(output.offset + output.shape.offset({r, c, 0}))] = 0;
      }
    }
    Comparison comparison(1e-13);
    comparison.near("logits without the head", without, logits_of(model, cut, nullptr));
  }
}

// The stream of another input, put in after the first layer, makes the rest of the model answer as if that had been
// read.
TEST(Probe, APatchedStreamAnswersForTheOtherInput) {
  const Model model = model_of("decoder");
  ParameterStore<double> store(model.layout());
  fill(store, drawn_parameters(model.layout(), 1));
  const std::vector<std::int32_t> other = {1, 8, 8, 1, 4, 5};
  const TokenView others{other.data(), kLengths.data(), 3, 3, 2};
  Numbers stream;
  const ProbeAt read({What::stream}, [&](const Site& site, Var<double> x) {
    if (site.layer == "decoder.layers.0") stream = numbers(x);
  });
  const ProbeAt patch({What::stream}, [&](const Site& site, Var<double> x) {
    return site.layer == "decoder.layers.0" ? x.tape().constant(x.shape(), stream.data()) : x;
  });
  Tape<double> tape(store);
  const Numbers expected = numbers(model.logits(tape, token_batch({}, others), {.probe = &read}));
  EXPECT_NE(numbers(model.logits(tape, token_batch({}, kInputs), {})), expected);
  EXPECT_EQ(numbers(model.logits(tape, token_batch({}, kInputs), {.probe = &patch})), expected);
}

// Who only looks at weights changes no bit, whichever kernel makes them.
TEST(Probe, LookingAtWeightsChangesNoBit) {
  for (const AttentionKernel kernel : {AttentionKernel::whole, AttentionKernel::tiled, AttentionKernel::composed}) {
    const Built<MultiHeadAttention> built(
        MultiHeadAttention::Options{.channels = 6, .heads = 3, .dropout = 0.5, .kernel = kernel});
    ParameterStore<float> store(built.layout);
    fill(store, drawn_parameters(built.layout, 1));
    Tape<float> tape(store);
    const auto values = drawn_numbers(6 * 5 * 2, 7);
    const auto x = tape.constant({6, 5, 2}, std::vector<float>(values.begin(), values.end()).data());
    int seen = 0;
    const ProbeAt look({What::weights}, [&](const Site&, auto) { ++seen; });
    const auto by = [&](const Probe* probe) {
      const auto y = built.layer(x, Mask::causal(), {.training = true, .probe = probe});
      return std::vector<float>(y.data(), y.data() + y.shape().size());
    };
    EXPECT_EQ(by(&look), by(nullptr));
    EXPECT_EQ(seen, 1);
  }
}

// Weights and scores that a probe replaces are used, and gradients go through what it made of them.
TEST(Probe, ReplacedScoresAndWeightsAreUsedAndDifferentiated) {
  for (const What what : {What::scores, What::weights}) {
    const ProbeAt square({what}, [](const Site&, auto x) { return multiply(x, x); });
    const ProblemCase squared = layer_case(
        "squared", {sample_activations()},
        [](const Scope& scope) { return MultiHeadAttention(scope, {.channels = 6, .heads = 2, .scale = 0.5}); },
        [&](const MultiHeadAttention& layer, auto&, auto x) {
          return layer(x[0], Mask::causal(), Pass{.probe = &square});
        });
    const CheckReport report = check_problem(squared, {});
    EXPECT_TRUE(report.passed()) << report.text();
  }
  // Scores of zero make all weights alike: the context is the mean of the values.
  const Built<MultiHeadAttention> built(MultiHeadAttention::Options{.channels = 4, .heads = 2});
  ParameterStore<double> store(built.layout);
  fill(store, drawn_parameters(built.layout, 1));
  Tape<double> tape(store);
  const auto x = tape.constant({4, 3}, drawn_numbers(12, 7).data());
  Numbers context;
  const ProbeAt flat({What::scores, What::context}, [&](const Site& site, auto seen) {
    if (site.what == What::scores) return scale(seen, 0);
    for (std::int64_t i = 0; i < seen.shape().size(); ++i) context.push_back(real_part(seen.data()[i]));
    return seen;
  });
  built.layer(x, {}, {.probe = &flat});
  const auto joined = built.layer.from_queries(x);
  for (std::int64_t i = 0; i < 4; ++i) {
    double mean = 0;
    for (std::int64_t k = 0; k < 3; ++k) mean += joined.data()[joined.shape().offset({8 + i, k, 0})] / 3;
    for (std::int64_t q = 0; q < 3; ++q) EXPECT_NEAR(context[static_cast<std::size_t>(i + 4 * q)], mean, 1e-14);
  }
}

// A probe that wants nothing here leaves the very ops and bits that there are without it.
TEST(Probe, OneThatWantsNothingChangesNothing) {
  const Model model = model_of("transformer");
  ParameterStore<float> store(model.layout());
  fill(store, drawn_parameters(model.layout(), 1));
  const auto run = [&](const Probe* probe) {
    Tape<float> tape(store);
    const auto y = model.logits(tape, token_batch(kSources, kInputs), {.training = true, .probe = probe});
    return std::pair(tape.node_count(), std::vector<float>(y.data(), y.data() + y.shape().size()));
  };
  struct : Probe {
    bool wants(const Site&) const override { return false; }
    Var<float> see(const Site&, Var<float>) const override { return {}; }
    Var<double> see(const Site&, Var<double>) const override { return {}; }
    Var<std::complex<double>> see(const Site&, Var<std::complex<double>>) const override { return {}; }
  } nothing;
  EXPECT_EQ(run(&nothing), run(nullptr));
}

TEST(Probe, WhatCannotGoOnIsRefused) {
  const Model model = model_of("decoder");
  const Numbers parameters = drawn_parameters(model.layout(), 1);
  const ProbeAt other_shape({What::context},
                            [](const Site&, Var<double> x) { return x.tape().constant({2}, x.data()); });
  EXPECT_THAT([&] { logits_of(model, parameters, &other_shape); },
              testing::ThrowsMessage<ShapeError>(HasSubstr(
                  "probe: the context of decoder.layers.0.self_attention are (6, 3, 2), and it gave (2, 1)")));
  const ProbeAt empty({What::output}, [](const Site&, Var<double>) { return Var<double>{}; });
  EXPECT_THAT([&] { logits_of(model, parameters, &empty); },
              testing::ThrowsMessage<GradientError>(HasSubstr("an empty variable for the output of decoder.layers.0")));
}

}  // namespace
}  // namespace tapehead
