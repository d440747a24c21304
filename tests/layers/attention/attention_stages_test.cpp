// Attention composed from ops on the tape against the fused kernels, which do the same faster; and what each cannot do.

#include "layers/attention/attention_stages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "autograd/base/errors.hpp"
#include "autograd/masks/explicit.hpp"
#include "autograd/ops/add.hpp"
#include "layers/attention/multi_head_attention.hpp"
#include "tests/autograd/masks/mask_samples.hpp"
#include "tests/support/built.hpp"
#include "tests/support/comparison.hpp"
#include "tests/support/drawn.hpp"

namespace tapehead {
namespace {

using namespace testing_support;
using testing::HasSubstr;

constexpr Pass kTraining{.training = true, .seed = 9, .step = 4, .first_example = 3};

// Output, gradient of x and gradients of all parameters of one attention.
std::vector<double> results(MultiHeadAttention::Options options, AttentionKernel kernel, const Mask& mask) {
  options.kernel = kernel;
  const Built<MultiHeadAttention> built(options);
  ParameterStore<double> store(built.layout);
  fill(store, drawn_parameters(built.layout, 1));
  Tape<double> tape(store);
  const Shape shape{options.channels, 6, 3};
  const auto x = tape.input(shape, drawn_numbers(shape.size(), 7).data());
  const auto y = built.layer(x, mask, kTraining);
  std::vector<double> all(y.data(), y.data() + y.shape().size());
  tape.backward(y, drawn_numbers(y.shape().size(), 8).data());
  all.insert(all.end(), tape.gradient(x), tape.gradient(x) + shape.size());
  const auto gradients = store.gradients().span();
  all.insert(all.end(), gradients.begin(), gradients.end());
  return all;
}

TEST(AttentionStages, FusedKernelsAreTheComposition) {
  Comparison comparison(1e-12);
  std::vector<Mask> masks;
  for (const MaskSample& a : mask_samples()) {
    masks.push_back(a.mask);
    for (const MaskSample& b : mask_samples()) masks.push_back(a.mask | (b.mask & Mask(Lengths{kMaskLengths})));
  }
  for (const StageSpec& spec : stage_specs()) {
    if (spec.kind != StageKind::score || spec.apply) continue;
    for (const double dropout : {0.0, 0.4}) {
      for (const Mask& mask : masks) {
        const MultiHeadAttention::Options options{.channels = 6,
                                                  .heads = 3,
                                                  .key_width = 4,
                                                  .value_width = 5,
                                                  .scale = 0.6,
                                                  .stages = {.score = spec.name},
                                                  .dropout = dropout};
        const auto composed = results(options, AttentionKernel::composed, mask);
        comparison.near(spec.name + " whole", results(options, AttentionKernel::whole, mask), composed);
        comparison.near(spec.name + " tiled", results(options, AttentionKernel::tiled, mask), composed);
      }
    }
  }
}

std::string message_of(const AttentionStages& stages) {
  try {
    choose_kernel(stages);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

// A score that is no dot product, a bias, another normalizer.
TEST(AttentionStages, WhatAKernelCannotTakeIsRefusedByNameOrComposed) {
  const auto same = [](const auto& in) { return in.scores; };
  const StageSpec score{.kind = StageKind::score, .name = "additive", .apply = same};
  const StageSpec bias{.kind = StageKind::bias, .name = "table", .apply = same};
  const StageSpec normalizer{.kind = StageKind::normalizer, .name = "sigmoid", .apply = same};
  for (const AttentionStages& stages :
       {AttentionStages{.score = &score}, AttentionStages{.bias = &bias}, AttentionStages{.normalizer = &normalizer}}) {
    EXPECT_EQ(choose_kernel(stages), AttentionKernel::composed);
    for (const KernelAbilities& kernel : kKernels) {
      AttentionStages chosen = stages;
      chosen.kernel = kernel.kernel;
      const std::string message = message_of(chosen);
      EXPECT_EQ(message.empty(), kernel.kernel == AttentionKernel::composed) << message;
      if (!message.empty()) {
        EXPECT_THAT(message, HasSubstr(std::string("attention: ") + kernel.name + " cannot take "));
        EXPECT_THAT(message, HasSubstr("; choose auto or composed"));
      }
    }
  }
  EXPECT_EQ(choose_kernel({}), AttentionKernel::automatic);
  EXPECT_EQ(choose_kernel({.kernel = AttentionKernel::tiled}), AttentionKernel::tiled);
}

// A bias and a normalizer that are not in the list: twice the scores of head 1, and the weights of a query that all
// keys get alike. The composition takes them where they belong.
TEST(AttentionStages, BiasComesBeforeTheNormalizerAndBothAreApplied) {
  const StageSpec bias{
      .kind = StageKind::bias, .name = "twice", .apply = [](const auto& in) { return add(in.scores, in.scores); }};
  const Shape shape{4, 3, 2};
  Tape<double> tape;
  const auto x = tape.input(shape, drawn_numbers(shape.size(), 1).data());
  const auto all = RowBlock<double>::all(x);
  const std::string path = "here";
  const AttentionPlace place{path, AttentionRole::self};
  const auto biased =
      attend<double>({.sizes = {2, 2, 2}, .bias = &bias, .scale = 0.5, .kernel = AttentionKernel::composed},
                     {all, all, all}, {}, {}, place);
  const auto scaled = attend<double>({.sizes = {2, 2, 2}, .scale = 1}, {all, all, all}, {}, {}, place);
  for (std::int64_t i = 0; i < shape.size(); ++i) ASSERT_NEAR(biased.data()[i], scaled.data()[i], 1e-14);

  const StageSpec raw{.kind = StageKind::normalizer, .name = "none", .apply = [](const auto& in) { return in.scores; }};
  const auto linear =
      attend<double>({.sizes = {1, 4, 4}, .normalizer = &raw, .scale = 0.5, .kernel = AttentionKernel::composed},
                     {all, all, all}, {}, {}, place);
  for (std::int64_t b = 0; b < shape.slices; ++b) {
    for (std::int64_t q = 0; q < shape.columns; ++q) {
      for (std::int64_t i = 0; i < shape.rows; ++i) {
        double expected = 0;
        for (std::int64_t k = 0; k < shape.columns; ++k) {
          double score = 0;
          for (std::int64_t j = 0; j < shape.rows; ++j) {
            score += 0.5 * x.data()[shape.offset({j, q, b})] * x.data()[shape.offset({j, k, b})];
          }
          expected += score * x.data()[shape.offset({i, k, b})];
        }
        ASSERT_NEAR(linear.data()[shape.offset({i, q, b})], expected, 1e-14);
      }
    }
  }
}

TEST(AttentionStages, ABiasOfProductsIsRefusedBesideOtherScores) {
  const AttentionStages stages{.score = &find_stage(StageKind::score, "cosine"),
                               .bias = &find_stage(StageKind::bias, "shaw")};
  EXPECT_EQ(
      message_of(stages),
      "attention: positions shaw does not go with score cosine, because its vectors are part of the keys of a dot "
      "product");
}

// Weights of a head would come from keys that it may not attend.
TEST(AttentionStages, AMixingTakesAMaskThatIsTheSameForAllHeads) {
  Tape<double> tape;
  const auto x = tape.input({4, 3, 2}, drawn_numbers(24, 1).data());
  const auto all = RowBlock<double>::all(x);
  const auto matrix = tape.input({2, 2}, drawn_numbers(4, 2).data());
  const std::vector<Var<double>> learned{matrix, matrix};
  std::vector<std::uint8_t> table(18, 1);
  const std::string path = "here";
  const AttentionStages stages{
      .sizes = {2, 2, 2}, .mixing = &find_stage(StageKind::mixing, "talking"), .kernel = AttentionKernel::composed};
  const auto call = [&](const Mask& mask) {
    attend<double>(stages, {.query = all, .key = all, .value = all, .mixing = learned}, mask, {},
                   {path, AttentionRole::self});
  };
  const Explicit by_head{.allowed = table.data(), .queries = 3, .heads = 2};
  call(Explicit{.allowed = table.data(), .queries = 3});
  call(by_head);
  table[9 + 3 + 2] = 0;
  EXPECT_THAT([&] { call(by_head); },
              testing::ThrowsMessage<ConfigError>("attention: head-mixing talking takes a mask that is the same for "
                                                  "all heads, and heads 0 and 1 differ at query 1 and key 2"));
}

TEST(AttentionStages, NamesAreFoundAndOthersRefused) {
  EXPECT_EQ(find_stage(StageKind::score, "cosine").name, "cosine");
  EXPECT_THAT(stage_names(StageKind::score), testing::StartsWith("dot "));
  EXPECT_THAT([] { find_stage(StageKind::score, "softmax"); },
              testing::ThrowsMessage<ConfigError>(HasSubstr("score: \"softmax\" is none of dot, ")));
  EXPECT_THAT([] { parse_attention_kernel("fast"); },
              testing::ThrowsMessage<ConfigError>(HasSubstr("\"fast\" is none of auto, whole, tiled, composed")));
  EXPECT_EQ(parse_attention_kernel("composed"), AttentionKernel::composed);
}

TEST(AttentionStages, EveryStageSaysWhatItIsAndWhereItIsFrom) {
  for (const StageSpec& spec : stage_specs()) {
    EXPECT_FALSE(spec.name.empty());
    EXPECT_FALSE(spec.description.empty()) << spec.name;
    EXPECT_FALSE(spec.source.empty()) << spec.name;
    EXPECT_EQ(spec.plain == nullptr, spec.kind == StageKind::mixing) << spec.name;
    EXPECT_EQ(spec.plain_heads != nullptr, spec.kind == StageKind::mixing) << spec.name;
    EXPECT_EQ(static_cast<bool>(spec.query), static_cast<bool>(spec.key)) << spec.name;
  }
}

}  // namespace
}  // namespace tapehead
