#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "autograd/spec.hpp"

namespace tapehead {

/// A value as plain loops see it: every element by its three coordinates, in long double.
struct Plain {
  Shape shape;
  std::vector<long double> values;

  explicit Plain(Shape s) : shape(s), values(static_cast<std::size_t>(s.size())) {}

  long double& operator()(std::int64_t r, std::int64_t c = 0, std::int64_t s = 0) {
    return values.at(static_cast<std::size_t>(r + shape.rows * (c + shape.columns * s)));
  }
  long double operator()(std::int64_t r, std::int64_t c = 0, std::int64_t s = 0) const {
    return const_cast<Plain&>(*this)(r, c, s);
  }

  /// A value of this shape whose element (r, c, s) is f(r, c, s).
  template <class F>
  static Plain of(Shape shape, F f) {
    Plain y(shape);
    for (std::int64_t s = 0; s < shape.slices; ++s) {
      for (std::int64_t c = 0; c < shape.columns; ++c) {
        for (std::int64_t r = 0; r < shape.rows; ++r) y(r, c, s) = f(r, c, s);
      }
    }
    return y;
  }
};

using PlainInputs = std::span<const Plain>;

/// A call of the op, and the same result by plain loops that share nothing with the op.
struct ForwardCase {
  std::string label;
  std::vector<InputSpec> inputs;
  std::function<Var<double>(Inputs<double>)> call;
  std::function<Plain(PlainInputs)> expected;
  /// A transform, each of whose outputs is a sum of all inputs that may cancel: rounding goes by the largest output,
  /// not by each (Higham 2002, Accuracy and Stability of Numerical Algorithms, §24.1).
  bool mixes_all = false;

  /// What an error of a right output may be.
  double tolerance(const Plain& outputs, std::size_t i) const;
};

/// A gradient check cannot see a forward that is wrong: each op has its values checked here.
struct ForwardOracle {
  std::string op;
  std::vector<ForwardCase> cases;
};

/// Holds a case against its loops at inputs of these sizes, drawn by two seeds; fatal failures of the test say where
/// they differ. False where the op refuses the sizes, because they do not fit what the case holds besides.
bool compare_with_plain_loops(const ForwardCase& at, const std::vector<InputSpec>& inputs);

/// Of every op but attention, whose plain loops are in attention_test.cpp.
std::vector<ForwardOracle> forward_oracles();

/// The oracles by family; each is defined in forward_<family>.cpp.
std::vector<ForwardOracle> elementwise_oracles();
std::vector<ForwardOracle> shape_oracles();
std::vector<ForwardOracle> product_oracles();
std::vector<ForwardOracle> column_oracles();
std::vector<ForwardOracle> weight_oracles();
std::vector<ForwardOracle> score_oracles();
std::vector<ForwardOracle> position_oracles();
std::vector<ForwardOracle> head_oracles();
std::vector<ForwardOracle> sequence_oracles();
std::vector<ForwardOracle> cell_oracles();
std::vector<ForwardOracle> token_oracles();

}  // namespace tapehead
