#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "autograd/check/report.hpp"
#include "autograd/problem.hpp"

namespace tapehead {

enum class CheckedPrecision {
  double_precision,  ///< gradients in double against the oracles
  single_precision,  ///< values and gradients in float against double, within what conditioning explains
};

struct CheckOptions {
  std::uint64_t seed = 1;
  CheckedPrecision precision = CheckedPrecision::double_precision;
  double tolerance = 1e-9;              ///< of an analytic derivative against the complex step, relative to its scale
  double differences_tolerance = 1e-7;  ///< the same against Ridders' differences
  std::int64_t elements =
      1024;            ///< variables up to this size are checked element by element, larger ones along directions
  int directions = 4;  ///< random directions over each larger variable
  bool second_order = true;
  bool dual_by_hand = false;  ///< for check_gradients: see OpSpec
  /// In a child process: what crashes there, or takes more than a minute of processor time, is a finding here. What the
  /// function does to this process's memory, to count its calls for instance, is not seen here either.
  bool isolated = false;
};

/// Checks a problem's gradient, contracted with a fixed random cotangent. The scale of a derivative is the largest of
/// its own size, the root mean square over its variable, and a tenth of that over all variables.
///
/// - *Complex step* on the tape, exact to rounding, and *Ridders' differences* in double with their own error estimate.
/// The
///   former decides unless the problem differentiates dual numbers by a hand-written rule; then the latter does. No
///   pass unless the error bound of the oracle that decides is below a hundredth of the tolerance.
/// - Forward and backward twice on one tape, in between at another point: equal to the bit, and inputs as they were.
/// - Contributions add up: two uses, one variable as two inputs; the same gradient, to the bit, for every subset of
///   inputs, and beside uses whose outputs go nowhere.
/// - Masks: no derivative, of either kind, from an output column to a key that its query may not attend.
/// - Every node of the tape on its own (composite problems): ⟨d_y, ẏ⟩ = Σ ⟨d_x, ẋ⟩ along a random direction.
/// - Hessian-vector products from the complex tape against differences of gradients; their symmetry.
///
/// A sample with a kink between its probes is drawn again. Zero derivatives checked is a failure. See
/// docs/gradient-checking.md.
CheckReport check_problem(const ProblemCase& problem, const CheckOptions& options = {});

/// Checks a function of inputs, as a person writes it: `check_gradients([](auto x) { return my_op(x[0]); }, {{{3,
/// 4}}})`.
CheckReport check_gradients(GenericFunction function, const std::vector<InputSpec>& inputs,
                            const CheckOptions& options = {});

/// Runs one refusal: the empty string if it throws as promised in every scalar, with and without gradients, or what
/// happened instead.
std::string check_refusal(const OpSpec& spec, const OpRefusal& refusal);

}  // namespace tapehead
