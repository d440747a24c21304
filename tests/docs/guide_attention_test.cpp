// What CONTRIBUTING.md says of attention, followed to the letter: its mask term, score, mixer and probe are compiled
// and run.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "autograd/check/check.hpp"
#include "docs/new_mask/far.hpp"
#include "docs/new_probe/first_key.hpp"
#include "layers/attention/attention_stages.hpp"
#include "layers/mixers/mixer.hpp"
#include "layers/spec.hpp"
#include "tests/support/built.hpp"
#include "tests/support/drawn.hpp"

namespace tapehead {

StageSpec stage_spec_score_shared_bilinear();
MixerSpec mixer_spec_shared_retention();

namespace {

using namespace testing_support;

std::string read_file(const std::string& name) {
  std::ifstream in(std::string(PROJECT_FOLDER) + "/" + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Guide, ShowsItsAttentionAsItIsCompiled) {
  const std::string guide = read_file("CONTRIBUTING.md");
  for (const char* name : {"docs/new_mask/far.hpp", "docs/new_score/score_shared_bilinear.cpp",
                           "docs/new_mixer/shared_retention.cpp", "docs/new_probe/first_key.hpp"}) {
    ASSERT_FALSE(read_file(name).empty()) << name;
    EXPECT_NE(guide.find("```cpp\n" + read_file(name) + "```"), std::string::npos) << name << " and the guide differ";
  }
  EXPECT_NE(read_file("layers/CMakeLists.txt").find("set(stages\n"), std::string::npos);
  EXPECT_NE(read_file("layers/CMakeLists.txt").find("set(mixers\n"), std::string::npos);
  EXPECT_NE(read_file("tests/autograd/masks/mask_samples.hpp").find("> mask_samples() {"), std::string::npos);
}

// The weights that a query gives to keys it may attend, and gradients, in both kernels.
TEST(Guide, ItsMaskIsTakenByEveryKernel) {
  for (const AttentionKernel kernel : {AttentionKernel::whole, AttentionKernel::tiled}) {
    const GenericFunction call = [kernel](auto x) {
      using Block = RowBlock<std::remove_cvref_t<decltype(*x[0].data())>>;
      return attention(Block::all(x[0]), Block::all(x[0]), Block::all(x[0]),
                       {.heads = 2, .mask = Far{3}, .kernel = kernel})
          .context;
    };
    const CheckReport report = check_gradients(call, {{{4, 7, 2}}}, {});
    EXPECT_TRUE(report.passed()) << report.text();
  }
  Tape<double> tape;
  const double numbers[] = {1, 2, 3, 4, 5};
  const auto all = RowBlock<double>::all(tape.constant({1, 5}, numbers));
  const auto [context, weights] = attention(all, all, all, {.scale = 0.1, .mask = Far{2}});
  for (int q = 0; q < 5; ++q) {
    for (int k = 0; k < 5; ++k) EXPECT_EQ(weights[k + 5 * q] > 0, std::abs(q - k) >= 2) << q << " " << k;
  }
}

TEST(Guide, ItsScoreHasTheValuesOfItsPlainLoopsAndRightGradients) {
  const StageSpec spec = stage_spec_score_shared_bilinear();
  constexpr HeadSizes kSizes{2, 3, 3};
  const auto layout = std::make_shared<ParameterLayout>();
  std::uint32_t sites = 0;
  const auto parameters = spec.declare(Scope(*layout, sites) / "score", kSizes, {});
  layout->seal();
  const std::string path = "attention";
  const AttentionStages stages{.sizes = kSizes, .score = &spec, .kernel = AttentionKernel::composed};
  const auto call = [&](const Probe* probe) {
    return [&, probe](auto& tape, auto x) {
      using T = std::remove_cvref_t<decltype(*x[0].data())>;
      const Var<T> weight[] = {tape.leaf(parameters[0])};
      const auto all = RowBlock<T>::all(x[0]);
      return attend<T>(stages, {all, all, all, weight}, Mask::causal(), {.probe = probe}, {path, AttentionRole::self});
    };
  };
  Problem problem(call(nullptr), {InputSpec{.shape = {6, 4, 2}, .low = -1, .high = 1, .name = "x"}}, layout, 3);
  problem.composite = true;
  const CheckReport report = check_problem({"score", [&](std::uint64_t) { return problem; }}, {});
  EXPECT_TRUE(report.passed()) << report.text();

  ParameterStore<double> store(*layout);
  fill(store, drawn_parameters(*layout, 1));
  Tape<double> tape(store);
  const auto x = tape.constant({6, 4, 1}, drawn_numbers(24, 7).data());
  int seen = 0;
  const ProbeAt probe({What::scores}, [&](const Site&, Var<double> scores) {
    std::vector<PlainStage::Number> weight(store.values().span().begin(), store.values().span().end());
    PlainStage at{.sizes = kSizes, .parameters = {weight.data()}};
    for (at.head = 0; at.head < 2; ++at.head) {
      const auto column = [&](std::int64_t t) {
        const double* from = x.data() + 6 * t + 3 * at.head;
        return std::vector<PlainStage::Number>(from, from + 3);
      };
      at.keys.clear();
      for (std::int64_t k = 0; k < 4; ++k) at.keys.push_back(column(k));
      for (std::int64_t q = 0; q < 4; ++q) {
        at.query = column(q);
        const auto expected = spec.plain(at, std::vector<PlainStage::Number>(4));
        for (std::int64_t k = 0; k < 4; ++k, ++seen) {
          EXPECT_NEAR(scores.data()[scores.shape().offset({k, q, at.head})],
                      expected[static_cast<std::size_t>(k)].real(), 1e-14);
        }
      }
    }
  });
  call (&probe)(tape, std::vector{x});
  EXPECT_EQ(seen, 32);
}

TEST(Guide, ItsMixerHasTheValuesOfItsPlainLoopsAndRightGradients) {
  static const MixerSpec spec = mixer_spec_shared_retention();
  const GenericFunction call = [](auto x) {
    using T = std::remove_cvref_t<decltype(*x[0].data())>;
    return spec.apply(MixerInput<T>{.query = {x[0], 0, 2},
                                    .key = {x[0], 2, 2},
                                    .value = {x[0], 4, 3},
                                    .gate = {},
                                    .scale = 0.6,
                                    .options = {.heads = 1}});
  };
  const CheckReport report = check_gradients(call, {{{7, 5, 2}}}, {});
  EXPECT_TRUE(report.passed()) << report.text();

  Tape<double> tape;
  const auto x = tape.constant({7, 5, 1}, drawn_numbers(35, 7).data());
  const auto y = call(tape, Inputs<double>({&x, 1}));
  PlainMixer in{.scale = 0.6, .value_width = 3};
  for (std::int64_t t = 0; t < 5; ++t) {
    const double* column = x.data() + 7 * t;
    in.query.emplace_back(column, column + 2);
    in.key.emplace_back(column + 2, column + 4);
    in.value.emplace_back(column + 4, column + 7);
  }
  const auto contexts = spec.plain(in);
  ASSERT_EQ(y.shape(), (Shape{3, 5, 1}));
  for (std::size_t i = 0; i < 15; ++i) EXPECT_NEAR(y.data()[i], contexts[i / 3][i % 3].real(), 1e-14);
}

TEST(Guide, ItsProbeSeesEveryAttention) {
  const Built<Encoder> built(StackOptions{.layers = 2, .layer = {.channels = 4, .heads = 2, .inner = 5}});
  ParameterStore<double> store(built.layout);
  fill(store, drawn_parameters(built.layout, 1));
  Tape<double> tape(store);
  const auto x = tape.constant({4, 3, 2}, drawn_numbers(24, 7).data());
  const auto means = weight_of_first_key(built.layer, x, Mask::causal());
  ASSERT_EQ(means.size(), 2U);
  for (const auto& [layer, mean] : means) {
    EXPECT_TRUE(layer == "layers.0.self_attention" || layer == "layers.1.self_attention") << layer;
    EXPECT_GT(mean, 1.0 / 3) << "the first query sees nothing else";
    EXPECT_LT(mean, 1);
  }
}

}  // namespace
}  // namespace tapehead
