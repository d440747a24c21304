#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "autograd/problem.hpp"

namespace tapehead {

/// Ways in which an output may know what it must not. A gradient check cannot see one: where the forward pass leaks,
/// the backward pass does too, and both agree.
enum class Leak {
  future,   ///< what stands behind its own place
  padding,  ///< what fills up shorter sequences
  example,  ///< another sequence of the batch
  answer,   ///< what it is to say
};
inline constexpr int kLeaks = 4;
/// "future", "padding" …: the name of the enumerator.
const char* name_of(Leak leak);

/// What of one input an output column may depend on, beside its own slice alone. Columns are places, slices examples.
struct Reach {
  bool ahead = true;  ///< columns behind its own, too
  std::vector<std::int64_t> lengths =
      {};  ///< of each slice: what stands from there on is padding; empty: there is none
};

/// The same of every input of a problem. Outputs from `lengths` on say nothing that counts.
struct ReachRule {
  std::vector<Reach> inputs;
  std::vector<std::int64_t> lengths = {};
};

/// How much of each output column comes from each column of one input, in the same slice: the pattern of the Jacobian,
/// block by block. Entry k + inputs · (t + outputs · b) is that of output t and input k of slice b.
struct Influence {
  std::string input;
  std::int64_t inputs = 0, outputs = 0, slices = 0;
  std::vector<double> forward;   ///< root mean square of the tangents of the output column
  std::vector<double> backward;  ///< that of the gradients of the input column

  std::size_t at(std::int64_t k, std::int64_t t, std::int64_t b) const {
    return static_cast<std::size_t>(k + inputs * (t + outputs * b));
  }
};

/// The largest influence that must not be, of one kind and input.
struct LeakFinding {
  Leak leak = Leak::future;
  std::string input;
  std::int64_t output = 0, example = 0;     ///< the column that knows
  std::int64_t from = 0, from_example = 0;  ///< what it knows
  double forward = 0, backward = 0;         ///< see Influence; 0: not that way
  double changed = 0;  ///< what an output changed by when tokens were exchanged; 0: not found that way
};

struct LeakReport {
  std::vector<Influence> influences;  ///< of each input
  std::vector<LeakFinding> findings;
  std::int64_t pairs[kLeaks] = {};  ///< of columns, that must not know of each other and were looked at
  std::int64_t influencing = 0;     ///< pairs of columns that may, and do
};

/// What reaches what in a problem whose inputs are (C, K, B) and whose output is (C', T, B). A zero is exact: the
/// complex step perturbs some columns, and whatever is not a function of them keeps an imaginary part of 0; masks
/// select, so that nothing is multiplied by a small number. One pass for each example finds what crosses examples, one
/// for each column of an input the rest, in all examples at once; likewise backward, with gradients in double. Throws
/// ShapeError for other shapes, GradientError if the function takes no complex numbers.
///
/// A tangent is a sum over random directions of one column, which no true influence leaves at 0, but what a ReLU hides.
LeakReport find_leaks(const Problem& problem, const ReachRule& rule, std::uint64_t seed = 1);

}  // namespace tapehead
