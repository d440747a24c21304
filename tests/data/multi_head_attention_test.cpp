// Multi-head attention against torch.nn.MultiheadAttention: output, the weights that a probe sees, every gradient.
#include "layers/attention/multi_head_attention.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "tests/data/torch_case.hpp"
#include "tests/data/weighted_outputs.hpp"
#include "tests/support/built.hpp"

namespace tapehead {
namespace {

using namespace testing_support;
using Numbers = std::vector<double>;

// The weights of a layer as they pass by: (K, Q, H, B), which is how they lie.
struct Weights {
  Numbers values;

  auto probe() {
    return ProbeAt({What::weights}, [this](const Site&, Var<double> weights) {
      values.assign(weights.data(), weights.data() + weights.shape().size());
    });
  }
};

Var<double> rows(Var<double> x, std::int64_t first, std::int64_t count) { return slice(x, Axis::rows, first, count); }

// Σ upstream · output over the layer's output and its weights: the layer shows its weights but no gradient flows
// through them, so their share goes through simple ops from the same projections.
Var<double> objective(const TorchCase& reference, const MultiHeadAttention& layer, Var<double> y, Var<double> queries,
                      Var<double> keys, const Mask& mask) {
  const auto& options = layer.options;
  const auto composed = compose_attention(queries, keys, keys, options.heads, options.scale, mask);
  return add(weighted_sum(y, reference.upstream("output")),
             weighted_sum(composed.weights, reference.upstream("weights")));
}

class SelfAttentionAgainstTorch : public testing::TestWithParam<std::pair<const char*, std::int64_t>> {};

TEST_P(SelfAttentionAgainstTorch, OutputWeightsAndEveryGradient) {
  const TorchCase reference(GetParam().first);
  const auto sizes = reference.sizes("x");
  const Built<MultiHeadAttention> built(MultiHeadAttention::Options{.channels = sizes[0], .heads = GetParam().second});
  const Matches matches = attention_matches("", "");
  ParameterStore<double> store(built.layout);
  load(reference, matches, store);
  std::vector<std::int32_t> lengths;
  Mask mask;
  if (reference.has_input("key_padding_mask_true_means_ignore")) {
    lengths = reference.lengths("key_padding_mask_true_means_ignore");
    mask = Mask::causal() & Mask::padding({.lengths = lengths.data()});
  }

  Tape<double> tape(store);
  const auto x = tape.input({sizes[0], sizes[1], sizes[2]}, reference.input("x").data());
  Weights weights;
  const auto probe = weights.probe();
  const auto y = built.layer(x, mask, {.probe = &probe});
  const auto joined = built.layer.from_queries(x);
  tape.backward(
      objective(reference, built.layer, y, rows(joined, 0, sizes[0]), rows(joined, sizes[0], sizes[0]), mask));

  Comparison comparison(kReferenceBound);
  const Numbers output = reference.output("output");
  comparison.near("output", {y.data(), output.size()}, output);
  comparison.near("weights", weights.values, reference.output("weights"));
  comparison.near("gradient of x", {tape.gradient(x), output.size()}, reference.gradient("x"));
  compare_gradients(reference, matches, store, comparison);
}

INSTANTIATE_TEST_SUITE_P(, SelfAttentionAgainstTorch,
                         testing::Values(std::pair("mha_self", 3), std::pair("mha_causal_padding", 2)),
                         [](const auto& each) { return std::string(each.param.first); });

// Here keys and values come from one memory, there from two inputs. The memory is both, one below the other, and each
// projection has zeros where it must not look. Columns of a and b in turn, zeros where one is missing:
Numbers stack(const Numbers& a, std::int64_t a_rows, const Numbers& b, std::int64_t b_rows) {
  Numbers stacked;
  const std::size_t columns =
      std::max(a.size() / static_cast<std::size_t>(a_rows), b.size() / static_cast<std::size_t>(b_rows));
  for (std::size_t column = 0; column < columns; ++column) {
    for (const auto& [from, count] : {std::pair(&a, a_rows), {&b, b_rows}}) {
      for (std::size_t r = 0; r < static_cast<std::size_t>(count); ++r) {
        stacked.push_back(from->empty() ? 0 : (*from)[r + static_cast<std::size_t>(count) * column]);
      }
    }
  }
  return stacked;
}

// Rows [first, first + count) of the columns of x.
Numbers take_rows(std::span<const double> x, std::int64_t total, std::int64_t first, std::int64_t count) {
  Numbers taken;
  for (auto column = x.begin(); column != x.end(); column += total) {
    taken.insert(taken.end(), column + first, column + first + count);
  }
  return taken;
}

// The projections of a case, whether the file joins them or not: `read` reads a tensor of parameters or of gradients.
template <class Read>
std::array<Numbers, 3> projections(const TorchCase& reference, Read read) {
  const auto names = reference.parameters();
  if (std::find(names.begin(), names.end(), "in_proj_weight") == names.end()) {
    return {read("q_proj_weight"), read("k_proj_weight"), read("v_proj_weight")};
  }
  const Numbers joined = read("in_proj_weight");
  const auto third = static_cast<std::ptrdiff_t>(joined.size() / 3);
  return {Numbers(joined.begin(), joined.begin() + third), Numbers(joined.begin() + third, joined.end() - third),
          Numbers(joined.end() - third, joined.end())};
}

class CrossAttentionAgainstTorch : public testing::TestWithParam<const char*> {};

TEST_P(CrossAttentionAgainstTorch, OutputWeightsAndEveryGradient) {
  const TorchCase reference(GetParam());
  const auto sizes = reference.sizes("query");
  const auto key_sizes = reference.sizes("key");
  const std::int64_t channels = sizes[0];
  const std::int64_t from_key = key_sizes[0];
  const std::int64_t from_value = reference.sizes("value")[0];
  const std::int64_t from_both = from_key + from_value;
  const Built<MultiHeadAttention> built(
      MultiHeadAttention::Options{.channels = channels, .memory_channels = from_both, .heads = 2});
  ParameterStore<double> store(built.layout);
  const auto values = [&](const char* name) { return store.values(*built.layout.find(name)); };
  const auto gradients = [&](const char* name) { return store.gradients(*built.layout.find(name)); };
  const auto fill = [&](const char* name, std::span<const double> from) {
    ASSERT_EQ(values(name).size(), from.size()) << name;
    std::copy(from.begin(), from.end(), values(name).begin());
  };
  const auto width = static_cast<std::size_t>(channels);
  const auto [query, key, value] = projections(reference, [&](const char* name) { return reference.parameter(name); });
  const Numbers bias = reference.parameter("in_proj_bias");
  fill("query.weight", query);
  fill("key.weight", stack(key, from_key, {}, from_value));
  fill("value.weight", stack({}, from_key, value, from_value));
  fill("query.bias", std::span(bias).subspan(0, width));
  fill("key.bias", std::span(bias).subspan(width, width));
  fill("value.bias", std::span(bias).subspan(2 * width, width));
  fill("output.weight", reference.parameter("out_proj.weight"));
  fill("output.bias", reference.parameter("out_proj.bias"));
  std::vector<std::int32_t> lengths;
  Mask mask;
  if (reference.has_input("key_padding_mask_true_means_ignore")) {
    lengths = reference.lengths("key_padding_mask_true_means_ignore");
    mask = Mask::padding({.lengths = lengths.data()});
  }

  Tape<double> tape(store);
  const auto x = tape.input({channels, sizes[1], sizes[2]}, reference.input("query").data());
  const Numbers both = stack(reference.input("key"), from_key, reference.input("value"), from_value);
  const auto memory = tape.input({from_both, key_sizes[1], key_sizes[2]}, both.data());
  Weights weights;
  const auto probe = weights.probe();
  const auto y = built.layer(x, memory, mask, {.probe = &probe});
  const auto keys = rows((*built.layer.from_memory)(memory), 0, channels);
  tape.backward(objective(reference, built.layer, y, built.layer.from_queries(x), keys, mask));

  Comparison comparison(kReferenceBound);
  const Numbers output = reference.output("output");
  comparison.near("output", {y.data(), output.size()}, output);
  comparison.near("weights", weights.values, reference.output("weights"));
  const std::span<const double> d_memory(tape.gradient(memory), both.size());
  comparison.near("gradient of query", {tape.gradient(x), output.size()}, reference.gradient("query"));
  comparison.near("gradient of key", take_rows(d_memory, from_both, 0, from_key), reference.gradient("key"));
  comparison.near("gradient of value", take_rows(d_memory, from_both, from_key, from_value),
                  reference.gradient("value"));
  const auto [d_query, d_key, d_value] =
      projections(reference, [&](const char* name) { return reference.gradient(name); });
  comparison.near("gradient of query.weight", gradients("query.weight"), d_query);
  comparison.near("gradient of key.weight", take_rows(gradients("key.weight"), from_both, 0, from_key), d_key);
  comparison.near("gradient of value.weight", take_rows(gradients("value.weight"), from_both, from_key, from_value),
                  d_value);
  const Numbers d_bias = reference.gradient("in_proj_bias");
  comparison.near("gradient of query.bias", gradients("query.bias"), std::span(d_bias).subspan(0, width));
  comparison.near("gradient of key.bias", gradients("key.bias"), std::span(d_bias).subspan(width, width));
  comparison.near("gradient of value.bias", gradients("value.bias"), std::span(d_bias).subspan(2 * width, width));
  comparison.near("gradient of output.weight", gradients("output.weight"), reference.gradient("out_proj.weight"));
  comparison.near("gradient of output.bias", gradients("output.bias"), reference.gradient("out_proj.bias"));
}

INSTANTIATE_TEST_SUITE_P(, CrossAttentionAgainstTorch,
                         testing::Values("mha_cross", "mha_cross_padding", "mha_kdim_vdim"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace tapehead
