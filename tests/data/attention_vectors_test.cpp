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
  std::string bias = "none";
  std::string normalizer = "softmax";
  StageNumbers numbers = {};
  Mask mask = {};
  bool explicit_mask = false;  // the file's own table instead
  std::int64_t turned = 0;     // channels of queries and keys that are turned by their positions
  double base = 10000;
  RotaryOptions rotary = {};
  std::vector<std::string> parameters = {};  // of the one stage that has any, by their names in the file
  std::string mixing = "none", gate = "none";
  bool learned_scale = false;  // `scale` of the file
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

// (B, H, T) row by row is (T, H, B) column by column; heads come first here: (H, T, B).
std::vector<double> heads_first(const std::vector<double>& x, const std::vector<std::int64_t>& shape) {
  std::vector<double> y;
  for (std::int64_t b = 0; b < shape[0]; ++b) {
    for (std::int64_t t = 0; t < shape[2]; ++t) {
      for (std::int64_t h = 0; h < shape[1]; ++h) {
        y.push_back(x[static_cast<std::size_t>(t + shape[2] * (h + shape[1] * b))]);
      }
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
  const HeadSizes sizes{q_shape[1], q_shape[3], shape("inputs/v")[3], k_shape[1]};
  AttentionStages stages{.sizes = sizes,
                         .score = &find_stage(StageKind::score, at.score),
                         .bias = chosen_stage(StageKind::bias, at.bias),
                         .mixing = chosen_stage(StageKind::mixing, at.mixing),
                         .normalizer = &find_stage(StageKind::normalizer, at.normalizer),
                         .gate = chosen_stage(StageKind::gate, at.gate),
                         .cap = at.cap,
                         .numbers = at.numbers,
                         .kernel = AttentionKernel::composed};
  stages.scale = at.scale > 0 ? at.scale : 1 / std::sqrt(static_cast<double>(stages.scoring().key_width));
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
  // How a parameter of the file is one of ours.
  const auto ordered = [&](const std::string& name, const std::string& path) {
    const auto s = shape(path);
    if (name == "logit") return heads_first(numbers(path), s);
    const bool of_heads = s.size() == 3 && name != "bias";
    return of_heads ? turned(numbers(path), s[0], s[1], s[2]) : numbers(path);
  };
  std::vector<Var<double>> learned;
  for (const std::string& name : at.parameters) {
    const auto s = shape("inputs/" + name);
    const Shape ours = name == "logit"  ? Shape{s[1], s[2], s[0]}
                       : name == "bias" ? Shape{s[2], s[1], s[0]}
                       : s.size() == 3  ? Shape{s[1], s[2], s[0]}
                       : s.size() == 2  ? Shape{s[1], s[0]}
                                        : Shape{s[0]};
    learned.push_back(tape.input(ours, ordered(name, "inputs/" + name).data()));
  }
  Var<double> weights;
  const ProbeAt probe({What::weights}, [&](const Site&, Var<double> x) { weights = x; });
  const Probe* watching = &probe;
  const std::string path = "attention";
  const std::span<const Var<double>> parameters(learned);
  // They belong to the one stage that has any.
  const auto of = [&](StageKind kind) {
    const StageSpec* stage = stages.of(kind);
    return stage != nullptr && stage->declare != nullptr ? parameters : std::span<const Var<double>>();
  };
  RotaryOptions how = at.rotary;
  how.heads = sizes.heads;
  how.width = sizes.key_width;
  const RotaryTable turns(std::max<std::int64_t>(at.turned, 2), 64, at.base);
  const auto by_position = [&](Var<double> x) { return at.turned > 0 ? rotary(x, turns, how) : x; };
  using Block = RowBlock<double>;
  const auto attended = [&] {
    return attend<double>(stages,
                          {.query = Block::all(by_position(q)),
                           .key = Block::all(by_position(k)),
                           .value = Block::all(v),
                           .score = of(StageKind::score),
                           .bias = of(StageKind::bias),
                           .normalizer = of(StageKind::normalizer),
                           .mixing = of(StageKind::mixing),
                           .gate = of(StageKind::gate),
                           .of_keys = at.bias == "forgetting" ? learned[0] : Var<double>{},
                           .scale = at.learned_scale ? learned[0] : Var<double>{}},
                          mask, {.probe = watching},
                          {path, mask.looks_back() ? AttentionRole::causal : AttentionRole::self});
  };

  Comparison comparison(kBound);
  const auto near = [&](const std::string& what, const double* ours, const std::vector<double>& expected) {
    comparison.near(what, {ours, expected.size()}, expected);
  };
  // The fused kernels that take it give the same context, and show weights.
  const bool has_weights = file.contains(at.name + "/outputs/weights");
  for (const KernelAbilities& kernel : kKernels) {
    if (kernel.kernel == AttentionKernel::composed || !takes(kernel, stages)) continue;
    stages.kernel = kernel.kernel;
    near(std::string("context of ") + kernel.name, attended().data(), joined("outputs/context"));
    if (has_weights) near(std::string("weights of ") + kernel.name, weights.data(), numbers("outputs/weights"));
  }
  stages.kernel = AttentionKernel::composed;
  const ProbeAt keeping({What::weights}, [&](const Site&, Var<double> x) { return weights = x; });
  watching = &keeping;
  const auto context = attended();
  const auto of_context = weighted_sum(context, joined("upstream/context"));
  tape.backward(has_weights ? add(of_context, weighted_sum(weights, numbers("upstream/weights"))) : of_context);
  near("context", context.data(), joined("outputs/context"));
  if (has_weights) near("weights", weights.data(), numbers("outputs/weights"));
  for (const auto& [name, x] : {std::pair("q", q), {"k", k}, {"v", v}}) {
    near(fmt::format("gradient of {}", name), tape.gradient(x), joined(fmt::format("grads/{}", name)));
  }
  for (std::size_t i = 0; i < learned.size(); ++i) {
    const std::string& name = at.parameters[i];
    near("gradient of " + name, tape.gradient(learned[i]), ordered(name, "grads/" + name));
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
  all.push_back({.name = "bias_given", .bias = "table", .mask = Causal{}, .parameters = {"bias"}});
  all.push_back({.name = "forgetting", .bias = "forgetting", .mask = Causal{}, .parameters = {"logit"}});
  all.push_back({.name = "scale_learned", .parameters = {"scale"}, .learned_scale = true});
  all.push_back({.name = "gqa"});
  all.push_back({.name = "mqa"});
  all.push_back({.name = "head_gate", .parameters = {"gate"}, .gate = "learned"});
  all.push_back({.name = "talking_heads", .parameters = {"P", "W"}, .mixing = "talking"});
  all.push_back({.name = "differential", .parameters = {"lam"}, .mixing = "differential"});
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
