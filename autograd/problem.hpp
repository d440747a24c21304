#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "autograd/parameters.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

/// One array that derivatives are taken by: an input of a function, or one named range of its parameters.
struct Variable {
  std::string name;
  Shape shape;
  std::int64_t offset = 0;          ///< of its first element in the point
  std::vector<RowPart> parts = {};  ///< what its rows are; empty: one thing
  bool parameter = false;
  std::int64_t flat_offset = 0;  ///< of a parameter in the flat vector of its layout
};

/// A function at a point, as a gradient check sees it: whatever an op, a layer or a model takes and holds is one flat
/// vector of numbers, in named variables. Owns everything that it needs but what `function` refers to.
class Problem {
 public:
  /// A function of inputs alone, at values drawn by `seed` from their intervals.
  Problem(GenericFunction function, const std::vector<InputSpec>& inputs, std::uint64_t seed);
  /// A function that also reads parameters. They are drawn too, uniformly in ±1, so that biases and gains matter.
  Problem(GenericFunction function, const std::vector<InputSpec>& inputs, std::shared_ptr<const ParameterLayout> layout,
          std::uint64_t seed);

  const GenericFunction& function() const { return function_; }
  const std::vector<Variable>& variables() const { return variables_; }
  std::int64_t inputs() const { return inputs_; }  ///< how many of the variables, the first ones, are inputs
  const ParameterLayout* layout() const { return layout_.get(); }

  std::vector<double>& point() { return point_; }
  const std::vector<double>& point() const { return point_; }
  std::int64_t size() const { return static_cast<std::int64_t>(point_.size()); }

  /// The variable that element `i` of the point belongs to.
  const Variable& variable_of(std::int64_t i) const;

  bool dual_by_hand = false;     ///< see OpSpec
  bool composite = false;        ///< of many ops: checked node by node, with differences for a control
  AttentionRule attention = {};  ///< see OpCase

 private:
  GenericFunction function_;
  std::vector<Variable> variables_;
  std::int64_t inputs_ = 0;
  std::shared_ptr<const ParameterLayout> layout_;
  std::vector<double> point_;
};

/// A problem that can be drawn anew, with its name: "ops/softmax/K5_Q3".
struct ProblemCase {
  std::string name;
  std::function<Problem(std::uint64_t seed)> draw;
  bool one_point = false;  ///< the same whatever the seed: a trained model
  /// The same with inputs of these shapes, if the function takes them; empty: they cannot be others.
  std::function<Problem(const std::vector<Shape>& shapes, std::uint64_t seed)> with_shapes = {};
};

/// The cases of an op.
std::vector<ProblemCase> problem_cases(const OpSpec& spec);

}  // namespace tapehead
