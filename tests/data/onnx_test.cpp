// Every case that ONNX's own tests have of attention, softmax, norms, rotary positions and GELU.

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "autograd/masks/causal.hpp"
#include "autograd/masks/explicit.hpp"
#include "autograd/masks/lengths.hpp"
#include "autograd/ops/add.hpp"
#include "autograd/ops/add_broadcast.hpp"
#include "autograd/ops/attention.hpp"
#include "autograd/ops/concatenate.hpp"
#include "autograd/ops/exp.hpp"
#include "autograd/ops/gelu.hpp"
#include "autograd/ops/gelu_tanh.hpp"
#include "autograd/ops/layer_norm.hpp"
#include "autograd/ops/log.hpp"
#include "autograd/ops/log_softmax.hpp"
#include "autograd/ops/masked_softmax.hpp"
#include "autograd/ops/matmul.hpp"
#include "autograd/ops/merge_heads.hpp"
#include "autograd/ops/multiply.hpp"
#include "autograd/ops/repeat_slices.hpp"
#include "autograd/ops/rms_norm.hpp"
#include "autograd/ops/rotary.hpp"
#include "autograd/ops/scale.hpp"
#include "autograd/ops/softmax.hpp"
#include "autograd/ops/split_heads.hpp"
#include "autograd/ops/subtract.hpp"
#include "autograd/ops/tanh.hpp"
#include "tests/data/onnx_case.hpp"
#include "tests/data/torch_case.hpp"

namespace tapehead {
namespace {

using namespace testing_support;
using Sizes = std::vector<std::int64_t>;

std::int64_t product(const Sizes& sizes, std::size_t first, std::size_t last) {
  return std::accumulate(sizes.begin() + static_cast<std::ptrdiff_t>(first),
                         sizes.begin() + static_cast<std::ptrdiff_t>(last), std::int64_t{1}, std::multiplies<>());
}

std::size_t axis_of(const OnnxCase& reference, const Sizes& sizes, int otherwise) {
  const int axis = static_cast<int>(reference.attribute("axis", otherwise));
  return static_cast<std::size_t>(axis < 0 ? axis + static_cast<int>(sizes.size()) : axis);
}

// (before, axis, after) row-major becomes columns along the axis, and back.
std::vector<double> along(const std::vector<double>& x, const Sizes& sizes, std::size_t axis, bool back) {
  const std::int64_t after = product(sizes, axis + 1, sizes.size());
  const std::int64_t count = sizes[axis];
  std::vector<double> y(x.size());
  for (std::int64_t i = 0; i < std::ssize(x); ++i) {
    const std::int64_t inside = i % after, k = i / after % count, before = i / after / count;
    const auto other = static_cast<std::size_t>(k + count * (inside + after * before));
    (back ? y[static_cast<std::size_t>(i)] : y[other]) = back ? x[other] : x[static_cast<std::size_t>(i)];
  }
  return y;
}

template <class Op>
void expect_softmax(const OnnxCase& reference, Op op) {
  const Sizes sizes = reference.shape("inputs/x");
  const std::size_t axis = axis_of(reference, sizes, -1);
  const std::int64_t columns = product(sizes, 0, sizes.size()) / sizes[axis];
  Tape<double> tape;
  const auto turned = [&](const char* path) { return along(reference.numbers(path), sizes, axis, false); };
  const auto x = tape.input({sizes[axis], columns}, turned("inputs/x").data());
  const auto y = op(x);
  tape.backward(y, turned("upstream/y").data());
  Comparison comparison(kReferenceBound);
  const auto back = [&](const double* data) { return along({data, data + y.shape().size()}, sizes, axis, true); };
  comparison.near("y", back(y.data()), reference.numbers("outputs/y"));
  comparison.near("gradient of x", back(tape.gradient(x)), reference.numbers("grads/x"));
}

TEST(Onnx, Softmax) {
  const auto names = OnnxCase::of("Softmax");
  ASSERT_EQ(names.size(), 7U);
  for (const auto& name : names) {
    SCOPED_TRACE(name);
    expect_softmax(OnnxCase(name), [](auto x) { return softmax(x); });
  }
}

TEST(Onnx, LogSoftmax) {
  const auto names = OnnxCase::of("LogSoftmax");
  ASSERT_EQ(names.size(), 7U);
  for (const auto& name : names) {
    SCOPED_TRACE(name);
    expect_softmax(OnnxCase(name), [](auto x) { return log_softmax(x); });
  }
}

TEST(Onnx, Gelu) {
  const auto names = OnnxCase::of("Gelu");
  ASSERT_EQ(names.size(), 4U);
  for (const auto& name : names) {
    SCOPED_TRACE(name);
    const OnnxCase reference(name);
    const auto numbers = reference.numbers("inputs/x");
    Tape<double> tape;
    const auto x = tape.input({std::ssize(numbers)}, numbers.data());
    const bool by_tanh = name.starts_with("gelu_tanh");
    expect_outputs_and_gradients(reference, {{"x", x}}, {{"y", by_tanh ? gelu_tanh(x) : gelu(x)}});
  }
}

// All axes from one on are rows here.
struct Rows {
  explicit Rows(const OnnxCase& reference)
      : sizes(reference.shape("inputs/X")),
        axis(axis_of(reference, sizes, -1)),
        rows(product(sizes, axis, sizes.size())),
        columns(product(sizes, 0, axis)) {}

  Sizes sizes;
  std::size_t axis;
  std::int64_t rows, columns;
};

TEST(Onnx, RmsNormalization) {
  const auto names = OnnxCase::of("RMSNormalization");
  ASSERT_EQ(names.size(), 19U);
  for (const auto& name : names) {
    SCOPED_TRACE(name);
    const OnnxCase reference(name);
    const Rows at(reference);
    Tape<double> tape;
    const auto x = tape.input({at.rows, at.columns}, reference.numbers("inputs/X").data());
    const auto gain = tape.input({at.rows}, reference.numbers("inputs/W").data());
    const auto y = rms_norm(x, gain, reference.attribute("epsilon", 1e-5));
    expect_outputs_and_gradients(reference, {{"X", x}, {"W", gain}}, {{"Y", y}});
  }
}

TEST(Onnx, LayerNormalization) {
  const auto names = OnnxCase::of("LayerNormalization");
  ASSERT_EQ(names.size(), 19U);
  for (const auto& name : names) {
    SCOPED_TRACE(name);
    const OnnxCase reference(name);
    const Rows at(reference);
    const double epsilon = reference.attribute("epsilon", 1e-5);
    Tape<double> tape;
    const auto x = tape.input({at.rows, at.columns}, reference.numbers("inputs/X").data());
    const auto gain = tape.input({at.rows}, reference.numbers("inputs/W").data());
    const auto bias = tape.input({at.rows}, reference.numbers("inputs/B").data());
    // Mean and 1 / √(variance + ε) are outputs too, and have gradients: from other ops.
    const std::vector<double> each(static_cast<std::size_t>(at.rows), 1 / static_cast<double>(at.rows));
    const std::vector<double> small(static_cast<std::size_t>(at.columns), epsilon);
    const auto average = [&](Var<double> of) { return matmul(tape.constant({1, at.rows}, each.data()), of); };
    const auto mean = average(x);
    const auto variance = subtract(average(multiply(x, x)), multiply(mean, mean));
    const auto inverse = exp(scale(log(add(variance, tape.constant({1, at.columns}, small.data()))), -0.5));
    expect_outputs_and_gradients(reference, {{"X", x}, {"W", gain}, {"B", bias}},
                                 {{"Y", layer_norm(x, gain, bias, epsilon)}, {"Mean", mean}, {"InvStdDev", inverse}});
  }
}

TEST(Onnx, RotaryEmbedding) {
  const auto names = OnnxCase::of("RotaryEmbedding");
  ASSERT_EQ(names.size(), 8U);
  for (const auto& name : names) {
    SCOPED_TRACE(name);
    const OnnxCase reference(name);
    const Sizes sizes = reference.shape("inputs/input");  // (B, H, T, D) or (B, T, H·D)
    const bool apart = sizes.size() == 4;
    const std::int64_t heads = apart ? sizes[1] : static_cast<std::int64_t>(reference.attribute("num_heads", 1));
    const std::int64_t steps = apart ? sizes[2] : sizes[1];
    const std::int64_t slices = apart ? sizes[0] * heads : sizes[0];
    // Turns of every step of every example, from the rows of a table that the case names, or from its own.
    const auto cosines = reference.numbers("inputs/cos_cache");
    const auto sines = reference.numbers("inputs/sin_cache");
    const std::int64_t half = reference.shape("inputs/cos_cache").back();
    std::vector<std::int64_t> row(static_cast<std::size_t>(sizes[0] * steps));
    std::iota(row.begin(), row.end(), 0);
    if (reference.has("inputs/position_ids")) row = reference.integers("inputs/position_ids");
    std::vector<double> turns;
    for (const std::int64_t r : row) {
      for (std::int64_t i = 0; i < half; ++i) {
        turns.push_back(cosines[static_cast<std::size_t>(r * half + i)]);
        turns.push_back(sines[static_cast<std::size_t>(r * half + i)]);
      }
    }
    const RotaryTable table(2 * half, turns);
    std::vector<std::int32_t> first;
    for (std::int64_t s = 0; s < slices; ++s) {
      first.push_back(static_cast<std::int32_t>(s / (apart ? heads : 1) * steps));
    }
    Tape<double> tape;
    const std::int64_t width = apart ? sizes[3] : sizes[2] / heads;
    const auto x = tape.input({apart ? width : sizes[2], steps, slices}, reference.numbers("inputs/input").data());
    const auto y = rotary(x, table,
                          {.heads = apart ? 1 : heads,
                           .width = width,
                           .pairs = reference.attribute("interleaved", 0) != 0,
                           .first = first.data()});
    expect_outputs_and_gradients(reference, {{"input", x}}, {{"output", y}});
  }
}

// One attention: its operands, split into heads as slices (D, T, H·B), and what it does.
struct OnnxAttention {
  const OnnxCase& reference;
  bool joined;  // (B, T, H·D) in the file
  std::int64_t heads, slices, queries, keys;
  Named inputs = {};
  Var<double> query = {}, key = {}, value = {};
  double scale = 0, cap = 0;
  Mask mask = {};
  std::vector<std::uint8_t> table = {};
  std::vector<std::int32_t> lengths = {};

  OnnxAttention(const OnnxCase& of, Tape<double>& tape)
      : reference(of),
        joined(of.shape("inputs/Q").size() == 3),
        heads(joined ? static_cast<std::int64_t>(of.attribute("q_num_heads", 1)) : of.shape("inputs/Q")[1]),
        slices(of.shape("inputs/Q")[0] * heads),
        queries(of.shape("inputs/Q")[joined ? 1 : 2]),
        keys(of.shape("inputs/K")[joined ? 1 : 2]) {
    const auto split = [&](const std::string& name) {
      const Sizes s = reference.shape("inputs/" + name);
      const Shape shape = joined ? Shape{s[2], s[1], s[0]} : Shape{s[3], s[2], s[0] * s[1]};
      inputs[name] = tape.input(shape, reference.numbers("inputs/" + name).data());
      return joined ? split_heads(inputs[name], heads) : inputs[name];
    };
    query = split("Q");
    key = split("K");
    value = split("V");
    scale = reference.attribute("scale", 1 / std::sqrt(static_cast<double>(query.shape().rows)));
    cap = reference.attribute("softcap", 0);
    if (reference.attribute("is_causal", 0) != 0) mask = Causal{};
    if (reference.has("inputs/attn_mask") && !reference.has("grads/attn_mask")) {  // booleans
      table = reference.bytes("inputs/attn_mask");
      mask = mask & Explicit{table.data(), queries, 0, reference.shape("inputs/attn_mask").size() == 4};
    }
    if (reference.has("inputs/nonpad_kv_seqlen")) {
      for (const std::int64_t length : reference.integers("inputs/nonpad_kv_seqlen")) {
        lengths.insert(lengths.end(), static_cast<std::size_t>(heads), static_cast<std::int32_t>(length));
      }
      mask = mask & Lengths{lengths.data()};
    }
  }

  // A bias for every slice, (K, Q, H·B), from one for all, for each example, or for each head of each.
  Var<double> bias(Tape<double>& tape) {
    const Sizes s = reference.shape("inputs/attn_mask");
    const std::int64_t maps = product(s, 0, s.size() - 2);
    Var<double> x = tape.input({s.back(), queries, maps}, reference.numbers("inputs/attn_mask").data());
    inputs["attn_mask"] = x;
    if (s.back() < keys) {  // the keys behind it are no keys
      const std::vector<double> none(static_cast<std::size_t>((keys - s.back()) * queries * maps));
      const Var<double> parts[] = {x, tape.constant({keys - s.back(), queries, maps}, none.data())};
      x = concatenate(std::span<const Var<double>>(parts), Axis::rows);
    }
    return maps > 1 && maps < slices ? repeat_slices(x, heads) : x;
  }

  Var<double> merged(Var<double> context) const { return joined ? merge_heads(context, heads) : context; }
};

void expect_composed(const OnnxCase& reference) {
  Tape<double> tape;
  OnnxAttention at(reference, tape);
  Named outputs;
  const auto mode = static_cast<int>(reference.attribute("qk_matmul_output_mode", 0));
  const auto seen = [&](int stage, Var<double> x) {
    if (stage == mode) outputs["qk_matmul_output"] = x;
    return x;
  };
  auto scores = seen(0, scale(matmul(at.key, at.query, Transpose::yes), at.scale));
  if (at.cap > 0) scores = scale(tanh(scale(scores, 1 / at.cap)), at.cap);
  scores = seen(1, scores);
  if (reference.has("grads/attn_mask")) scores = add_broadcast(scores, at.bias(tape));
  const auto weights = seen(3, masked_softmax(seen(2, scores), at.mask));
  outputs["Y"] = at.merged(matmul(at.value, weights));
  expect_outputs_and_gradients(reference, at.inputs, outputs);
}

void expect_fused(const OnnxCase& reference, AttentionKernel kernel) {
  Tape<double> tape;
  OnnxAttention at(reference, tape);
  using Block = RowBlock<double>;
  const auto context = attention(Block::all(at.query), Block::all(at.key), Block::all(at.value),
                                 {.scale = at.scale, .cap = at.cap, .mask = at.mask, .kernel = kernel})
                           .context;
  expect_outputs_and_gradients(reference, at.inputs, {{"Y", at.merged(context)}});
}

TEST(Onnx, Attention) {
  const auto names = OnnxCase::of("Attention");
  ASSERT_EQ(names.size(), 22U);
  int fused = 0;
  for (const auto& name : names) {
    SCOPED_TRACE(name);
    const OnnxCase reference(name);
    expect_composed(reference);
    if (reference.has("grads/attn_mask") || reference.has("upstream/qk_matmul_output")) continue;
    expect_fused(reference, AttentionKernel::tiled);
    if (reference.attribute("softcap", 0) == 0) expect_fused(reference, AttentionKernel::whole);
    ++fused;
  }
  EXPECT_EQ(fused, 11);
}

}  // namespace
}  // namespace tapehead
