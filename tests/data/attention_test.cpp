// Scaled dot-product attention against PyTorch's formula: context, weights, and gradients.
#include "autograd/ops/attention.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "autograd/masks/lengths.hpp"
#include "tests/data/torch_case.hpp"
#include "tests/data/weighted_outputs.hpp"

namespace tapehead {
namespace {

using namespace testing_support;

// (D, T, H, B) → (H·D, T, B).
std::vector<double> join_heads(const std::vector<double>& x, const std::vector<std::int64_t>& sizes) {
  const auto [width, positions, heads] = std::tuple(sizes[0], sizes[1], sizes[2]);
  std::vector<double> joined;
  for (std::int64_t b = 0; b < sizes[3]; ++b) {
    for (std::int64_t t = 0; t < positions; ++t) {
      for (std::int64_t h = 0; h < heads; ++h) {
        const auto first = x.begin() + width * (t + positions * (h + heads * b));
        joined.insert(joined.end(), first, first + width);
      }
    }
  }
  return joined;
}

struct Sdpa {
  const char* name;
  double scale = 0;  // 0: 1/√D
  bool causal = false;
};

class AttentionAgainstTorch : public testing::TestWithParam<Sdpa> {};

TEST_P(AttentionAgainstTorch, ContextWeightsAndEveryGradient) {
  const auto [name, given_scale, causal] = GetParam();
  const TorchCase reference(name);
  Tape<double> tape;
  const auto input = [&](const char* which) {
    const auto sizes = reference.sizes(which);
    return tape.input({sizes[0] * sizes[2], sizes[1], sizes[3]}, join_heads(reference.input(which), sizes).data());
  };
  const auto q = input("q");
  const auto k = input("k");
  const auto v = input("v");
  const std::int64_t heads = reference.sizes("q")[2];
  const double scale = given_scale > 0 ? given_scale : 1 / std::sqrt(static_cast<double>(reference.sizes("q")[0]));
  std::vector<std::int32_t> lengths;
  if (reference.has_input("mask_true_means_ignore")) lengths = reference.lengths("mask_true_means_ignore");
  Mask mask = causal ? Mask::causal() : Mask::everything();
  if (!lengths.empty()) mask = mask & Lengths{lengths.data()};

  const auto [context, weights] =
      attention<double>(RowBlock<double>::all(q), RowBlock<double>::all(k), RowBlock<double>::all(v),
                        {.heads = heads, .scale = scale, .mask = mask});
  // The file's gradients are through the weights too, which the op does not offer: that share goes through simple ops.
  const auto composed = compose_attention(q, k, v, heads, scale, mask);
  auto sizes = reference.sizes("q");
  sizes[0] = reference.sizes("v")[0];
  const auto expected_weights = reference.output("weights");
  tape.backward(add(weighted_sum(context, join_heads(reference.upstream("output"), sizes)),
                    weighted_sum(composed.weights, reference.upstream("weights"))));

  Comparison comparison(kReferenceBound);
  const auto expected_context = join_heads(reference.output("output"), sizes);
  comparison.near("context", {context.data(), expected_context.size()}, expected_context);
  comparison.near("weights", {weights, expected_weights.size()}, expected_weights);
  for (const auto& [which, x] : {std::pair("q", q), {"k", k}, {"v", v}}) {
    const auto expected = join_heads(reference.gradient(which), reference.sizes(which));
    comparison.near(std::string("gradient of ") + which, {tape.gradient(x), expected.size()}, expected);
  }
}

INSTANTIATE_TEST_SUITE_P(, AttentionAgainstTorch,
                         testing::Values(Sdpa{"sdpa_1x1"}, Sdpa{"sdpa_dv"}, Sdpa{"sdpa_scale", 0.125},
                                         Sdpa{"sdpa_padding"}, Sdpa{"sdpa_causal_padding", 0, true},
                                         Sdpa{"sdpa_large_logits"}),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace tapehead
