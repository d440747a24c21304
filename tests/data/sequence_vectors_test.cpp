// The linear family against attention_vectors.h5: contexts and every gradient.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "autograd/ops/causal_linear_attention.hpp"
#include "autograd/ops/delta_rule.hpp"
#include "autograd/ops/gated_linear_attention.hpp"
#include "autograd/ops/linear_attention.hpp"
#include "autograd/ops/retention.hpp"
#include "tests/data/data_folder.hpp"
#include "tests/data/joined_heads.hpp"
#include "tests/data/weighted_outputs.hpp"
#include "tests/support/comparison.hpp"
#include "tests/support/h5_reader.hpp"

namespace tapehead {
namespace {

using namespace testing_support;

using Blocks = std::vector<RowBlock<double>>;

struct SequenceCase {
  std::string name;
  std::string gate;  // its input, if there is one
  std::function<Var<double>(const Blocks& x, const RecurrenceOptions& options)> call;
};

class SequenceVectors : public testing::TestWithParam<SequenceCase> {};

TEST_P(SequenceVectors, ContextAndEveryGradient) {
  const SequenceCase& at = GetParam();
  const H5Reader file(data_folder() + "/attention_vectors/attention_vectors.h5");
  // (B, H, T, D), or (B, H, T) for one number a head: (H·D, T, B) here.
  const auto shape_of = [&](const std::string& path) {
    auto shape = file.shape(at.name + "/" + path);
    if (shape.size() == 3) shape.push_back(1);
    return shape;
  };
  const auto joined = [&](const std::string& path) {
    return join_heads(file.doubles(at.name + "/" + path), shape_of(path));
  };
  std::vector<std::string> names{"q", "k", "v"};
  if (!at.gate.empty()) names.push_back(at.gate);

  Tape<double> tape;
  std::vector<Var<double>> inputs;
  Blocks blocks;
  for (const std::string& name : names) {
    const auto s = shape_of("inputs/" + name);
    inputs.push_back(tape.input({s[1] * s[3], s[2], s[0]}, joined("inputs/" + name).data()));
    blocks.push_back(RowBlock<double>::all(inputs.back()));
  }
  const Var<double> context = at.call(blocks, {.heads = shape_of("inputs/q")[1]});
  tape.backward(weighted_sum(context, joined("upstream/context")));
  Comparison comparison(1e-9);
  const auto near = [&](const std::string& what, const double* ours, const std::vector<double>& expected) {
    comparison.near(what, {ours, expected.size()}, expected);
  };
  near("context", context.data(), joined("outputs/context"));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    near("gradient of " + names[i], tape.gradient(inputs[i]), joined("grads/" + names[i]));
  }
}

INSTANTIATE_TEST_SUITE_P(, SequenceVectors,
                         testing::Values(SequenceCase{"linear", "",
                                                      [](const Blocks& x, const RecurrenceOptions& o) {
                                                        return linear_attention(x[0], x[1], x[2], o.heads);
                                                      }},
                                         SequenceCase{"linear_causal", "",
                                                      [](const Blocks& x, const RecurrenceOptions& o) {
                                                        return causal_linear_attention(x[0], x[1], x[2], o);
                                                      }},
                                         SequenceCase{"retention", "",
                                                      [](const Blocks& x, const RecurrenceOptions& o) {
                                                        return retention(x[0], x[1], x[2], 1 / std::sqrt(3.0), o);
                                                      }},
                                         SequenceCase{"gated_linear", "a",
                                                      [](const Blocks& x, const RecurrenceOptions& o) {
                                                        return gated_linear_attention(x[0], x[1], x[2], x[3], 1.0, o);
                                                      }},
                                         SequenceCase{"delta_rule", "beta",
                                                      [](const Blocks& x, const RecurrenceOptions& o) {
                                                        return delta_rule(x[0], x[1], x[2], x[3], o);
                                                      }}),
                         [](const auto& at) { return at.param.name; });

}  // namespace
}  // namespace tapehead
