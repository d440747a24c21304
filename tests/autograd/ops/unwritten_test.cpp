// No op leaves memory as it found it: values and gradients are written whatever the sizes, axes of zero included.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
#include "autograd/kernels/panel_gemm.hpp"
#include "autograd/ops/affine.hpp"
#include "autograd/ops/attention.hpp"
#include "autograd/ops/cross_entropy.hpp"
#include "autograd/ops/embedding.hpp"
#include "autograd/ops/linear_cross_entropy.hpp"
#include "autograd/ops/scale.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

// Fills the memory of values, of scratch and of adjoints with `rubbish`, and hands it back. Twice: after the first time
// the arenas take new memory, of the size that they keep.
template <Scalar T>
void dirty(Tape<T>& tape, double rubbish) {
  for (int time = 0; time < 3; ++time) {
    const std::vector<T> values(20000, T(static_cast<Real<T>>(rubbish)));
    const auto size = static_cast<std::int64_t>(values.size());
    Var<T> x = tape.input({size}, values.data());
    for (int i = 0; i < 2; ++i) {
      T* y = tape.allocate(size);
      std::copy(values.begin(), values.end(), y);
      x = tape.record("rubbish", {size}, y, {x}, [x, size, rubbish](Pull<T>& pull) {
        std::fill_n(pull.scratch(size), size, T(static_cast<Real<T>>(rubbish)));
        const auto d_x = pull.into(x);
        std::fill_n(d_x.data, size, T(static_cast<Real<T>>(rubbish)));
      });
    }
    tape.backward(x, values.data());
    tape.reset();
  }
}

// Output and gradients of a call in memory that held `rubbish`; empty if the sizes were refused.
template <Scalar T>
std::vector<std::vector<T>> results(const OpCase& each, const std::vector<Shape>& shapes, double rubbish) {
  Tape<T> tape;
  dirty(tape, rubbish);
  std::vector<Var<T>> inputs;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const RandomStream random(1, Purpose::test, i);
    std::vector<T> values;
    const auto& [shape, low, high, name, parts] = each.inputs[i];
    for (std::int64_t at = 0; at < shapes[i].size(); ++at) {
      values.push_back(T(static_cast<Real<T>>(low + (high - low) * random.uniform(static_cast<std::uint32_t>(at)))));
    }
    inputs.push_back(tape.input(shapes[i], values.data()));
  }
  try {
    const Var<T> y = each.call(tape, Inputs<T>(inputs));
    std::vector<std::vector<T>> all;
    all.emplace_back(y.data(), y.data() + y.shape().size());
    const std::vector<T> d_y(all[0].size(), T(1));
    tape.backward(y, d_y.data());
    for (const Var<T>& x : inputs) {
      const T* d_x = tape.gradient(x);
      all.emplace_back(d_x, d_x == nullptr ? d_x : d_x + x.shape().size());
    }
    return all;
  } catch (const Error&) {
    return {};
  }
}

template <Scalar T>
bool is_finite(const std::vector<std::vector<T>>& all) {
  for (const auto& part : all) {
    for (const T& x : part) {
      if (!std::isfinite(std::abs(x))) return false;
    }
  }
  return true;
}

// The shapes of the case itself, and with every axis of one size gone, for each size that there is.
std::vector<std::vector<Shape>> sizes_of(const OpCase& each) {
  std::vector<Shape> whole;
  std::set<std::int64_t> sizes;
  for (const InputSpec& input : each.inputs) {
    whole.push_back(input.shape);
    sizes.insert({input.shape.rows, input.shape.columns, input.shape.slices});
  }
  std::vector<std::vector<Shape>> all{whole};
  for (const std::int64_t size : sizes) {
    std::vector<Shape> cut = whole;
    for (Shape& shape : cut) {
      for (std::int64_t* axis : {&shape.rows, &shape.columns, &shape.slices}) *axis = *axis == size ? 0 : *axis;
    }
    all.push_back(cut);
  }
  for (std::size_t i = 0; i < whole.size(); ++i) {  // one axis of one input alone
    for (std::int64_t Shape::*axis : {&Shape::rows, &Shape::columns, &Shape::slices}) {
      std::vector<Shape> cut = whole;
      cut[i].*axis = 0;
      all.push_back(cut);
    }
  }
  return all;
}

template <Scalar T>
void expect_written() {
  // These need every column to have rows, and a target or an id for every column.
  const std::set<std::string> fixed{"cross_entropy", "linear_cross_entropy", "mean"};
  for (const OpSpec& spec : op_specs()) {
    int with_nothing = 0;
    for (const OpCase& each : spec.cases) {
      for (const std::vector<Shape>& shapes : sizes_of(each)) {
        const auto clean = results<T>(each, shapes, 0.25);
        const auto poisoned = results<T>(each, shapes, std::nan(""));
        std::string text = spec.name + "/" + each.label;
        for (const Shape& shape : shapes) text += " " + to_string(shape);
        ASSERT_EQ(clean, poisoned) << text << ": depends on what memory held";
        ASSERT_TRUE(is_finite(poisoned)) << text;
        with_nothing += !clean.empty() && std::ranges::any_of(shapes, [](const Shape& s) { return s.size() == 0; });
      }
    }
    EXPECT_TRUE(with_nothing > 0 || fixed.contains(spec.name)) << spec.name << " takes no axis of zero at all";
  }
}

TEST(Unwritten, NoOpReadsOrLeavesWhatMemoryHeldInFloat) { expect_written<float>(); }
TEST(Unwritten, NoOpReadsOrLeavesWhatMemoryHeldInDouble) { expect_written<double>(); }
TEST(Unwritten, NoOpReadsOrLeavesWhatMemoryHeldInComplex) { expect_written<std::complex<double>>(); }

template <Scalar T>
bool are_all(const std::vector<T>& values, T expected) {
  return std::ranges::all_of(values, [=](const T& value) { return value == expected; });
}

// Sizes beyond the blocks of the kernels, with nothing to sum.
template <Scalar T>
void expect_zeros_of_nothing() {
  for (const std::int64_t rows : {1, 64, 65, 128}) {
    for (const std::int64_t columns : {1, 7, 241}) {
      for (const Transpose op_a : {Transpose::no, Transpose::yes}) {
        for (const Transpose op_b : {Transpose::no, Transpose::yes}) {
          for (const std::int64_t stride : {1, 513}) {
            for (const double beta : {0.0, 1.0, -2.0}) {
              for (const bool with_offset : {false, true}) {
                const bool flip_a = op_a == Transpose::yes;
                const bool flip_b = op_b == Transpose::yes;
                const MatrixView<const T> a(nullptr, flip_a ? 0 : rows, flip_a ? rows : 0, stride);
                const MatrixView<const T> b(nullptr, flip_b ? columns : 0, flip_b ? 0 : columns, stride);
                const std::vector<T> offset(static_cast<std::size_t>(rows), T(3));
                const T before = beta == 0 ? T(static_cast<Real<T>>(std::nan(""))) : T(5);
                const T expected = T(static_cast<Real<T>>((beta == 0 ? 0 : beta * 5) + (with_offset ? 3 : 0)));
                std::vector<T> c(static_cast<std::size_t>(rows * columns), before);
                const T* added = with_offset ? offset.data() : nullptr;
                gemm<T>(T(1), a, op_a, b, op_b, T(static_cast<Real<T>>(beta)), {c.data(), rows, columns}, added);
                ASSERT_TRUE(are_all(c, expected)) << rows << " " << columns << " " << stride << " " << beta;
                if constexpr (RealScalar<T>) {
                  std::fill(c.begin(), c.end(), before);
                  panel_gemm<T>(T(1), a, op_a, b, op_b, T(beta), {c.data(), rows, columns}, added);
                  ASSERT_TRUE(are_all(c, expected)) << rows << " " << columns << " " << stride << " " << beta;
                }
              }
            }
          }
        }
      }
    }
  }
}

TEST(Unwritten, AProductOverNothingIsZero) {
  expect_zeros_of_nothing<float>();
  expect_zeros_of_nothing<double>();
  expect_zeros_of_nothing<std::complex<double>>();
}

// A gradient that must be all zeros.
template <Scalar T>
void expect_zeros(const Tape<T>& tape, Var<T> x) {
  const T* d_x = tape.gradient(x);
  ASSERT_NE(d_x, nullptr);
  EXPECT_THAT(std::vector<T>(d_x, d_x + x.shape().size()), testing::Each(T(0)));
}

template <Scalar T>
void expect_nothing_of_ignored_targets(std::int64_t channels, std::int64_t vocabulary, std::int64_t positions) {
  const std::vector<std::int32_t> ids(static_cast<std::size_t>(std::max<std::int64_t>(positions, 1)), kPadding);
  const std::int32_t lengths[] = {0};
  Tape<T> tape;
  dirty(tape, std::nan(""));
  const std::vector<T> numbers(static_cast<std::size_t>(channels * (vocabulary + positions + 1) + vocabulary), T(1));
  const auto x = tape.input({channels, positions, 1}, numbers.data());
  const auto weight = tape.input({channels, vocabulary}, numbers.data());
  const auto bias = tape.input({vocabulary}, numbers.data());
  const auto loss = linear_cross_entropy(x, weight, bias, {ids.data(), lengths, positions, positions, 1}, {});
  EXPECT_EQ(loss.item(), T(0));
  tape.backward(loss);
  expect_zeros(tape, x);
  expect_zeros(tape, weight);
  expect_zeros(tape, bias);
}

TEST(Unwritten, TargetsThatAreAllIgnoredGiveZeroGradients) {
  for (const std::int64_t positions : {0, 1, 70}) {
    expect_nothing_of_ignored_targets<float>(128, 600, positions);
    expect_nothing_of_ignored_targets<double>(128, 600, positions);
    expect_nothing_of_ignored_targets<std::complex<double>>(128, 600, positions);
  }
}

template <Scalar T>
void expect_nothing_of_no_columns() {
  Tape<T> tape;
  dirty(tape, std::nan(""));
  const std::vector<T> numbers(128 * 600, T(1));
  const auto x = tape.input({128, 0, 3}, numbers.data());
  const auto weight = tape.input({128, 600}, numbers.data());
  const auto bias = tape.input({600}, numbers.data());
  const auto y = affine(x, weight, bias);
  EXPECT_EQ(y.shape(), (Shape{600, 0, 3}));
  tape.backward(y, numbers.data());
  expect_zeros(tape, weight);
  expect_zeros(tape, bias);
}

TEST(Unwritten, AffineOverNoColumnsGivesZeroGradients) {
  expect_nothing_of_no_columns<float>();
  expect_nothing_of_no_columns<double>();
  expect_nothing_of_no_columns<std::complex<double>>();
}

TEST(Unwritten, AnEmbeddingOfNoTokensGivesAZeroGradient) {
  Tape<float> tape;
  dirty(tape, std::nan(""));
  const std::vector<float> numbers(40, 1.0F);
  const auto table = tape.input({8, 5}, numbers.data());
  const auto y = embedding(table, {});
  tape.backward(y, numbers.data());
  expect_zeros(tape, table);
}

TEST(Unwritten, QueriesWithoutKeysGetZeroContexts) {
  for (const AttentionKernel kernel : {AttentionKernel::whole, AttentionKernel::tiled}) {
    for (const std::int64_t queries : {0, 1, 70, 130}) {
      Tape<double> tape;
      dirty(tape, std::nan(""));
      const std::vector<double> numbers(static_cast<std::size_t>(4 * queries * 2 + 1), 1.0);
      const auto query = tape.input({4, queries, 2}, numbers.data());
      const auto key = tape.input({4, 0, 2}, numbers.data());
      using Block = RowBlock<double>;
      const auto y =
          attention(Block::all(query), Block::all(key), Block::all(key), {.heads = 2, .kernel = kernel}).context;
      EXPECT_THAT(std::vector<double>(y.data(), y.data() + y.shape().size()), testing::Each(0.0));
      tape.backward(y, numbers.data());
      expect_zeros(tape, query);
    }
  }
}

}  // namespace
}  // namespace tapehead
