#pragma once

#include <cstdint>
#include <string>

#include "autograd/spec.hpp"

namespace tapehead {

/// What checking one case of an op found. Errors are |a − b| / max(1, |b|), the largest over all elements.
struct CaseReport {
  std::string op;
  std::string label;
  std::int64_t derivatives = 0;      ///< elements whose derivative was checked
  double complex_step_error = 0;     ///< gradient in double against the complex step: exact to rounding
  double difference_error = 0;       ///< gradient in double against sixth-order central differences
  double float_value_error = 0;      ///< values in float against double
  double float_gradient_error = 0;   ///< gradients in float against double
  std::string failure;               ///< empty if every check passed; otherwise what failed and where

  bool passed() const { return failure.empty(); }
};

/// Bounds that a case must meet.
struct CheckBounds {
  double complex_step = 1e-12;
  double difference = 1e-8;
  double float_value = 1e-5;
  double float_gradient = 1e-4;
};

/// Checks one case on sample inputs drawn from `seed`:
/// - the gradient of every element, contracted with a fixed random cotangent (a plain sum would see nothing of a
///   softmax), against the complex step and against sixth-order central differences;
/// - the same gradients, to the bit, when only a subset of the inputs needs one, for every subset;
/// - twice the gradient when the op is applied twice to the same inputs, and their sum when one variable serves as two
///   inputs: contributions are added, not assigned;
/// - values and gradients in float against double.
/// Zero derivatives checked is a failure.
CaseReport check_case(const OpSpec& spec, const OpCase& op_case, std::uint64_t seed, const CheckBounds& bounds = {});

/// Runs one refusal: the empty string if it throws as promised in every scalar, with and without gradients, or what
/// happened instead.
std::string check_refusal(const OpSpec& spec, const OpRefusal& refusal);

}  // namespace tapehead
