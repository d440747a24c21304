// Attention stage by stage against attention_vectors.h5: context, weights and every gradient.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>

#include "autograd/masks/causal.hpp"
#include "autograd/masks/dilated.hpp"
#include "autograd/masks/documents.hpp"
#include "autograd/masks/explicit.hpp"
#include "autograd/masks/lengths.hpp"
#include "autograd/masks/prefix.hpp"
#include "autograd/masks/window.hpp"
#include "autograd/ops/rotary.hpp"
#include "layers/attention/attention_stages.hpp"
#include "tests/data/data_folder.hpp"
#include "tests/data/joined_heads.hpp"
#include "tests/data/weighted_outputs.hpp"
#include "tests/support/comparison.hpp"
#include "tests/support/h5_reader.hpp"

namespace tapehead {
namespace {

using namespace testing_support;

constexpr double kBound = 1e-9;

// A case of the file, and what it is in our words.
struct VectorCase {
  std::string name;
  double scale = 0;  // 0: 1/√D
  std::string score = "dot";
  double cap = 0;
  std::string bias = "";
  std::string normalizer = "softmax";
  StageNumbers numbers = {};
  Mask mask = {};
  bool explicit_mask = false;  // the file's own table instead
  std::int64_t turned = 0;     // channels of queries and keys that are turned by their positions
  double base = 10000;
  RotaryOptions rotary = {};
  std::vector<std::string> parameters = {};  // of the score or the normalizer, by their names in the file
};

constexpr std::int32_t kLengths[] = {3, 0};
constexpr std::int32_t kDocuments[] = {0, 0, 1, 1, 0, 0, 1, 1};

// (H, D, A) row by row is (D, A, H) column by column, but for the order of D and A.
std::vector<double> turned(const std::vector<double>& x, std::int64_t heads, std::int64_t in, std::int64_t out) {
  std::vector<double> y;
  for (std::int64_t h = 0; h < heads; ++h) {
    for (std::int64_t a = 0; a < out; ++a) {
      for (std::int64_t d = 0; d < in; ++d) y.push_back(x[static_cast<std::size_t>(a + out * (d + in * h))]);
    }
  }
  return y;
}

class AttentionVectors : public testing::TestWithParam<VectorCase> {};

TEST_P(AttentionVectors, ContextWeightsAndEveryGradient) {
  const VectorCase& at = GetParam();
  const H5Reader file(data_folder() + "/attention_vectors/attention_vectors.h5");
  const auto numbers = [&](const std::string& path) { return file.doubles(at.name + "/" + path); };
  const auto shape = [&](const std::string& path) { return file.shape(at.name + "/" + path); };
  const auto joined = [&](const std::string& path) { return join_heads(numbers(path), shape(path)); };

  const auto q_shape = shape("inputs/q");
  const auto k_shape = shape("inputs/k");
  const HeadSizes sizes{q_shape[1], q_shape[3], shape("inputs/v")[3]};
  const AttentionStages stages{.sizes = sizes,
                               .score = &find_stage(StageKind::score, at.score),
                               .bias = at.bias.empty() ? nullptr : &find_stage(StageKind::bias, at.bias),
                               .normalizer = &find_stage(StageKind::normalizer, at.normalizer),
                               .scale = at.scale > 0 ? at.scale : 1 / std::sqrt(static_cast<double>(sizes.key_width)),
                               .cap = at.cap,
                               .numbers = at.numbers,
                               .kernel = AttentionKernel::composed};
  std::vector<std::uint8_t> table;
  Mask mask = at.mask;
  if (at.explicit_mask) {  // (B or 1, H or 1, Q, K)
    const auto m = shape("inputs/mask");
    table = file.bytes(at.name + "/inputs/mask");
    mask = Explicit{table.data(), m[2], m[1] > 1 ? static_cast<std::int32_t>(m[1]) : 0, m[0] > 1};
  }

  Tape<double> tape;
  const auto input = [&](const std::string& name) {
    const auto s = shape("inputs/" + name);
    return tape.input({s[1] * s[3], s[2], s[0]}, joined("inputs/" + name).data());
  };
  const auto q = input("q");
  const auto k = input("k");
  const auto v = input("v");
  std::vector<Var<double>> learned;
  for (const std::string& name : at.parameters) {
    const auto s = shape("inputs/" + name);
    auto values = numbers("inputs/" + name);
    if (s.size() == 3) values = turned(values, s[0], s[1], s[2]);
    const Shape ours = s.size() == 3 ? Shape{s[1], s[2], s[0]} : s.size() == 2 ? Shape{s[1], s[0]} : Shape{s[0]};
    learned.push_back(tape.input(ours, values.data()));
  }
  Var<double> weights;
  const ProbeAt probe({What::weights}, [&](const Site&, Var<double> x) { weights = x; });
  const std::string path = "attention";
  const bool of_score = find_stage(StageKind::score, at.score).declare != nullptr;
  const bool of_bias = !at.bias.empty();
  const std::span<const Var<double>> parameters(learned);
  const std::span<const Var<double>> none;
  RotaryOptions how = at.rotary;
  how.heads = sizes.heads;
  how.width = sizes.key_width;
  const RotaryTable turns(std::max<std::int64_t>(at.turned, 2), 64, at.base);
  const auto by_position = [&](Var<double> x) { return at.turned > 0 ? rotary(x, turns, how) : x; };
  using Block = RowBlock<double>;
  const auto context = attend<double>(
      stages,
      {Block::all(by_position(q)), Block::all(by_position(k)), Block::all(v), of_score ? parameters : none,
       of_bias ? parameters : none, of_score || of_bias ? none : parameters},
      mask, {.probe = &probe}, {path, mask.looks_back() ? AttentionRole::causal : AttentionRole::self});

  tape.backward(
      add(weighted_sum(context, joined("upstream/context")), weighted_sum(weights, numbers("upstream/weights"))));
  Comparison comparison(kBound);
  const auto near = [&](const std::string& what, const double* ours, const std::vector<double>& expected) {
    comparison.near(what, {ours, expected.size()}, expected);
  };
  near("context", context.data(), joined("outputs/context"));
  near("weights", weights.data(), numbers("outputs/weights"));
  for (const auto& [name, x] : {std::pair("q", q), {"k", k}, {"v", v}}) {
    near(fmt::format("gradient of {}", name), tape.gradient(x), joined(fmt::format("grads/{}", name)));
  }
  for (std::size_t i = 0; i < learned.size(); ++i) {
    const auto s = shape("grads/" + at.parameters[i]);
    auto expected = numbers("grads/" + at.parameters[i]);
    if (s.size() == 3) expected = turned(expected, s[0], s[1], s[2]);
    near("gradient of " + at.parameters[i], tape.gradient(learned[i]), expected);
  }
}

VectorCase masked(const std::string& name, const Mask& mask) { return {.name = "mask_" + name, .mask = mask}; }

VectorCase normalized(const std::string& name, const std::string& normalizer,
                      std::vector<std::string> parameters = {}) {
  return {.name = "normaliser_" + name,
          .scale = 1.5,
          .normalizer = normalizer,
          .numbers = {.top_keys = 2},
          .mask = Causal{},
          .parameters = std::move(parameters)};
}

std::vector<VectorCase> cases() {
  std::vector<VectorCase> all{
      masked("causal", Causal{}),
      masked("causal_bottom_right", Causal{.offset = 1}),
      masked("dilated", Causal{} & Dilated{2}),
      masked("document", Causal{} & Documents{kDocuments}),
      masked("lengths_with_an_empty_example", Lengths{kLengths}),
      masked("prefix", Causal{} | Prefix{2}),
      masked("window", Window{.left = 2, .right = 2}),
      masked("window_causal", Window{.left = 1}),
      normalized("softmax", "softmax"),
      normalized("entmax15", "entmax15"),
      normalized("learned_sink", "learned_sink", {"sink"}),
      normalized("none", "none"),
      normalized("relu", "relu"),
      normalized("relu2", "relu2"),
      normalized("sigmoid", "sigmoid"),
      normalized("sparsemax", "sparsemax"),
      normalized("top_2", "top"),
      normalized("zero_sink", "zero_sink"),
      {.name = "stick_breaking", .normalizer = "stick_breaking", .mask = Causal{.offset = -1}},
      {.name = "scale_inv_dk", .scale = 1.0 / 3},
      {.name = "scale_inv_sqrt_dmodel", .scale = 1 / std::sqrt(6.0)},
      {.name = "scale_none", .scale = 1},
      {.name = "scale_number", .scale = 0.37},
      {.name = "score_additive", .score = "additive", .parameters = {"Wq", "Wk", "u"}},
      {.name = "score_bilinear", .score = "bilinear", .parameters = {"W"}},
      {.name = "score_cosine", .scale = 1, .score = "cosine", .parameters = {"g"}},
      {.name = "score_distance", .score = "distance"},
      {.name = "softcap", .scale = 2, .cap = 0.7},
  };
  constexpr StageNumbers kFew{.buckets = 8, .furthest = 16, .clip = 2};
  all.push_back({.name = "alibi_causal", .bias = "alibi", .mask = Causal{}});
  all.push_back({.name = "alibi_symmetric", .bias = "alibi"});
  all.push_back({.name = "shaw_keys", .bias = "shaw", .numbers = kFew, .parameters = {"a"}});
  all.push_back(
      {.name = "t5_buckets_bidirectional", .scale = 1, .bias = "t5", .numbers = kFew, .parameters = {"table"}});
  all.push_back({.name = "t5_buckets_causal",
                 .scale = 1,
                 .bias = "t5",
                 .numbers = kFew,
                 .mask = Causal{},
                 .parameters = {"table"}});
  all.push_back({.name = "rope_halves", .mask = Causal{}, .turned = 6});
  all.push_back({.name = "rope_pairs", .mask = Causal{}, .turned = 6, .rotary = {.pairs = true}});
  all.push_back({.name = "rope_partial", .mask = Causal{}, .turned = 4, .base = 100});
  all.push_back({.name = "rope_offset", .mask = Causal{}, .turned = 6, .rotary = {.offset = 3}});
  for (const char* name : {"per_example_with_an_empty_row", "per_head", "whole_head_masked"}) {
    all.push_back({.name = std::string("mask_") + name, .explicit_mask = true});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(, AttentionVectors, testing::ValuesIn(cases()), [](const auto& at) { return at.param.name; });

}  // namespace
}  // namespace tapehead
