// Dropout through a whole model: what may change its decisions, and what may not.
#include "layers/dropout.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "autograd/ops/cross_entropy.hpp"
#include "layers/embedding.hpp"
#include "layers/models/model.hpp"
#include "layers/stacks.hpp"
#include "tests/support/built.hpp"
#include "tests/support/comparison.hpp"
#include "tests/support/drawn.hpp"
#include "tests/support/token_batch.hpp"

namespace tapehead {
namespace {

using namespace testing_support;

// Four examples of several lengths, sources in `source`.
const std::vector<std::int32_t> kSource = {4, 5, 6, 7, 7, 0, 5, 0, 0, 6, 4, 5};
const std::vector<std::int32_t> kSourceLengths = {3, 2, 1, 3};
const std::vector<std::int32_t> kInput = {1, 5, 4, 8, 1, 6, 0, 0, 1, 7, 5, 0, 1, 4, 0, 0};
const std::vector<std::int32_t> kExpected = {5, 4, 8, 2, 6, 2, 0, 0, 7, 5, 2, 0, 4, 2, 0, 0};
const std::vector<std::int32_t> kLengths = {4, 2, 3, 2};
constexpr double kTargets = 11;

const TokenView kSources{kSource.data(), kSourceLengths.data(), 3, 3, 4};
const TokenView kInputs{kInput.data(), kLengths.data(), 4, 4, 4};
const TokenView kExpectations{kExpected.data(), kLengths.data(), 4, 4, 4};

struct Step {
  double loss = 0;
  std::vector<double> gradients;
};

// One step on examples [first, last).
Step step(const Model& model, std::int64_t first, std::int64_t last, Pass pass) {
  pass.first_example = first;
  ParameterStore<double> store(model.layout());
  fill(store, drawn_parameters(model.layout(), 1));
  Tape<double> tape(store);
  const auto logits = model.logits(tape, token_batch(kSources.slice(first, last), kInputs.slice(first, last)), pass);
  const auto loss = cross_entropy(logits, kExpectations.slice(first, last), {.denominator = kTargets});
  tape.backward(loss);
  const auto gradients = store.gradients().span();
  return {loss.item(), {gradients.begin(), gradients.end()}};
}

class ModelDropout : public testing::TestWithParam<const char*> {
 protected:
  Model model() const {
    return Model({.model = GetParam(),
                  .layers = 2,
                  .heads = 2,
                  .d_model = 6,
                  .d_ff = 10,
                  .dropout = 0.4,
                  .max_positions = 7,
                  .source_vocabulary = 8,
                  .target_vocabulary = 9});
  }
};
INSTANTIATE_TEST_SUITE_P(, ModelDropout, testing::Values("transformer", "decoder"),
                         [](const auto& each) { return std::string(each.param); });

constexpr Pass kPass{.training = true, .seed = 3, .step = 8};

TEST_P(ModelDropout, SeedAndStepDecideEveryBit) {
  const Model model = this->model();
  const Step once = step(model, 0, 4, kPass);
  const Step again = step(model, 0, 4, kPass);
  EXPECT_EQ(once.loss, again.loss);
  EXPECT_EQ(once.gradients, again.gradients);
  EXPECT_NE(once.loss, step(model, 0, 4, {.training = true, .seed = 4, .step = 8}).loss);
  EXPECT_NE(once.loss, step(model, 0, 4, {.training = true, .seed = 3, .step = 9}).loss);
}

TEST_P(ModelDropout, CuttingABatchIntoShardsChangesNothing) {
  const Model model = this->model();
  const Step whole = step(model, 0, 4, kPass);
  const Step left = step(model, 0, 2, kPass);
  const Step right = step(model, 2, 4, kPass);
  std::vector<double> sum = left.gradients;
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += right.gradients[i];
  Comparison comparison(1e-12);
  comparison.near("loss", std::vector{left.loss + right.loss}, std::vector{whole.loss});
  comparison.near("gradients", sum, whole.gradients);
}

TEST_P(ModelDropout, IsOffOutsideTraining) {
  const Model model = this->model();
  EXPECT_EQ(step(model, 0, 4, {.seed = 3}).loss, step(model, 0, 4, {.seed = 4, .step = 9}).loss);
  EXPECT_NE(step(model, 0, 4, {}).loss, step(model, 0, 4, kPass).loss);
}

// Whether training changes what a layer gives when only one of its dropouts has a rate.
template <class Layer, class Call>
void expect_each_dropout_acts(const std::vector<double*>& rates, const Built<Layer>& built, Call call) {
  ParameterStore<double> store(built.layout);
  fill(store, drawn_parameters(built.layout, 1));
  const auto output = [&](const Pass& pass) {
    Tape<double> tape(store);
    const auto x = tape.constant({6, 4, 2}, drawn_numbers(48, 7).data());
    const auto y = call(x, pass);
    return std::vector<double>(y.data(), y.data() + y.shape().size());
  };
  for (double* rate : rates) *rate = 0;
  EXPECT_EQ(output(kPass), output({}));
  for (std::size_t i = 0; i < rates.size(); ++i) {
    *rates[i] = 0.5;
    EXPECT_NE(output(kPass), output({})) << "dropout " << i;
    *rates[i] = 0;
  }
}

class LayerDropout : public testing::TestWithParam<NormPlace> {
 protected:
  const LayerOptions options_{.channels = 6, .heads = 2, .inner = 9, .norm = GetParam()};
};
INSTANTIATE_TEST_SUITE_P(, LayerDropout, testing::Values(NormPlace::pre, NormPlace::post),
                         [](const auto& each) { return each.param == NormPlace::pre ? "pre" : "post"; });

TEST_P(LayerDropout, EachOfAnEncoderLayerActs) {
  Built<EncoderLayer> built(options_);
  auto& l = built.layer;
  expect_each_dropout_acts({&l.self_mixer.attention()->options.dropout, &l.residual.dropout.rate,
                            &l.feed_forward.layer->dropout.rate, &l.feed_forward.residual->dropout.rate},
                           built, [&](Var<double> x, const Pass& pass) { return l(x, Mask::everything(), pass); });
}

TEST_P(LayerDropout, EachOfADecoderLayerActs) {
  Built<DecoderLayer> built(options_);
  auto& l = built.layer;
  expect_each_dropout_acts(
      {&l.self_mixer.attention()->options.dropout, &l.residual.dropout.rate, &l.cross_attention.options.dropout,
       &l.cross_residual->dropout.rate, &l.feed_forward.layer->dropout.rate, &l.feed_forward.residual->dropout.rate},
      built, [&](Var<double> x, const Pass& pass) { return l(x, x, Mask::everything(), Mask::everything(), pass); });
}

TEST(Dropout, OfAnEmbeddingActs) {
  Built<Embedding> built(Embedding::Options{.channels = 6, .vocabulary = 9, .max_positions = 4});
  expect_each_dropout_acts({&built.layer.dropout.rate}, built,
                           [&](Var<double> x, const Pass& pass) { return built.layer(x.tape(), kInputs, pass); });
}

TEST(Dropout, TwoSitesOfAModelDropDifferentElements) {
  ParameterLayout layout;
  std::uint32_t sites = 0;
  const Scope scope(layout, sites);
  const Dropout one(scope, 0.5);
  const Dropout other(scope, 0.5);
  Tape<double> tape;
  const std::vector<double> ones(40, 1.0);
  const auto x = tape.constant({8, 5}, ones.data());
  const auto a = one(x, kPass);
  const auto b = other(x, kPass);
  EXPECT_FALSE(std::equal(a.data(), a.data() + 40, b.data()));
  for (int i = 0; i < 40; ++i) EXPECT_TRUE(a.data()[i] == 0 || a.data()[i] == 2);
}

}  // namespace
}  // namespace tapehead
