#include "layers/attention/multi_head_attention.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <string>

#include "autograd/base/errors.hpp"
#include "autograd/ops/affine.hpp"
#include "tests/support/built.hpp"
#include "tests/support/comparison.hpp"
#include "tests/support/composed_attention.hpp"
#include "tests/support/drawn.hpp"

namespace tapehead {
namespace {

using namespace testing_support;

std::span<const double> numbers(const Var<double>& x) { return {x.data(), static_cast<std::size_t>(x.shape().size())}; }

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "nothing was refused";
}

TEST(MultiHeadAttention, IsItsCompositionFromSimpleOpsInValueAndGradient) {
  const Built<MultiHeadAttention> built(
      MultiHeadAttention::Options{.channels = 6, .heads = 2, .key_width = 4, .value_width = 3, .scale = 0.4});
  const Shape shape{6, 5, 2};
  const auto values = drawn_numbers(shape.size(), 7);
  const auto cotangent = drawn_numbers(shape.size(), 8);
  const std::int32_t lengths[] = {5, 3};
  const Mask mask = Mask::causal() & Mask::padding({.lengths = lengths});

  ParameterStore<double> one(built.layout);
  fill(one, drawn_parameters(built.layout, 1));
  Tape<double> tape(one);
  const auto x = tape.input(shape, values.data());
  const auto y = built.layer(x, mask, {});
  tape.backward(y, cotangent.data());

  // The same from named pieces: query, key and value each by a product of its own.
  ParameterStore<double> other(built.layout);
  fill(other, drawn_parameters(built.layout, 1));
  Tape<double> plain(other);
  std::map<std::string, Var<double>> parameters;
  for (const ParameterRange& range : built.layout.ranges()) {
    parameters[range.name] = plain.input(range.shape, other.values(range).data());
  }
  const auto project = [&](Var<double> from, const std::string& name) {
    return affine(from, parameters[name + ".weight"], parameters[name + ".bias"]);
  };
  const auto x2 = plain.input(shape, values.data());
  const auto composed = compose_attention(project(x2, "query"), project(x2, "key"), project(x2, "value"), 2, 0.4, mask);
  const auto y2 = project(composed.context, "output");
  plain.backward(y2, cotangent.data());

  Comparison comparison(1e-13);
  comparison.near("output", numbers(y), numbers(y2));
  comparison.near("gradient of x", {tape.gradient(x), values.size()}, {plain.gradient(x2), values.size()});
  for (const ParameterRange& range : built.layout.ranges()) {
    const auto ours = one.gradients(range);
    comparison.near("gradient of " + range.name, ours, {plain.gradient(parameters[range.name]), ours.size()});
  }
}

TEST(MultiHeadAttention, AnEmptyMemoryGivesTheOutputBiasAndPassesNoGradient) {
  const Built<MultiHeadAttention> built(MultiHeadAttention::Options{.channels = 4, .memory_channels = 4, .heads = 2});
  ParameterStore<double> store(built.layout);
  fill(store, drawn_parameters(built.layout, 1));
  Tape<double> tape(store);
  const auto x = tape.input({4, 3, 2}, drawn_numbers(24, 7).data());
  const auto memory = tape.input({4, 2, 2}, drawn_numbers(16, 8).data());
  const std::int32_t lengths[] = {0, 2};  // the first example has no source at all
  const auto y = built.layer(x, memory, Mask::padding({.lengths = lengths}), {});
  tape.backward(y, drawn_numbers(24, 9).data());

  const auto bias = store.values(*built.layout.find("output.bias"));
  for (std::size_t i = 0; i < 12; ++i) {
    EXPECT_EQ(y.data()[i], bias[i % 4]);
    EXPECT_EQ(tape.gradient(x)[i], 0);
  }
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(tape.gradient(memory)[i], 0);
  double other = 0;
  for (std::size_t i = 8; i < 16; ++i) other += std::abs(tape.gradient(memory)[i]);
  EXPECT_GT(other, 0);
  for (const double each : store.gradients().span()) EXPECT_TRUE(std::isfinite(each));
}

TEST(MultiHeadAttention, RefusesWhatCannotBeInOneLine) {
  EXPECT_THAT(message_of([] { Built<MultiHeadAttention>(MultiHeadAttention::Options{.channels = 6, .heads = 4}); }),
              testing::HasSubstr("4 heads do not divide 6 channels; give the width of a head"));
  EXPECT_THAT(message_of([] { Built<MultiHeadAttention>(MultiHeadAttention::Options{.channels = 6, .heads = 0}); }),
              testing::HasSubstr("must be positive"));
}

TEST(MultiHeadAttention, SelfAndCrossAreNotConfused) {
  const Built<MultiHeadAttention> self(MultiHeadAttention::Options{.channels = 4});
  const Built<MultiHeadAttention> cross(MultiHeadAttention::Options{.channels = 4, .memory_channels = 4});
  ParameterStore<double> self_store(self.layout);
  ParameterStore<double> cross_store(cross.layout);
  Tape<double> self_tape(self_store);
  Tape<double> cross_tape(cross_store);
  const auto x = self_tape.constant({4, 1}, drawn_numbers(4, 1).data());
  const auto y = cross_tape.constant({4, 1}, drawn_numbers(4, 1).data());
  EXPECT_THAT(message_of([&] { self.layer(x, x, {}, {}); }), testing::HasSubstr("self-attention takes no memory"));
  EXPECT_THAT(message_of([&] { cross.layer(y, {}, {}); }), testing::HasSubstr("cross-attention needs a memory"));
}

}  // namespace
}  // namespace tapehead
