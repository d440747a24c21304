#pragma once

#include <optional>
#include <string>
#include <vector>

#include "autograd/check/check.hpp"
#include "autograd/check/evaluator.hpp"
#include "autograd/check/oracles.hpp"

namespace tapehead {

/// The random directions of a check. Each is drawn from the check's seed plus its number, so that no two are the same.
enum class Drawn : std::uint64_t {
  every_node = 1,
  masked_keys = 3,
  halved = 5,
  second_order_u = 7,
  second_order_v = 8,
  of_variable = 17,
};

/// What the parts of one check share: the problem, a fixed random cotangent, and the gradient that is under test.
struct CheckContext {
  const Problem& problem;
  const CheckOptions& options;
  std::uint64_t seed;
  CheckReport& report;
  Evaluator<double> evaluator;
  std::vector<double> cotangent;
  Shape output_shape;
  std::vector<double> value;     ///< the output, in double
  std::vector<double> gradient;  ///< in double, of cotangent · y
  std::vector<double> noise;     ///< what changes of the gradient when point, cotangent and values of ops are rounded
  std::uint64_t branches = 0;    ///< sides that the point is on
  double smallest_scale = 0;     ///< what is far smaller than this is zero

  /// Evaluates the problem, and its gradient, once.
  CheckContext(const Problem& problem, const CheckOptions& options, std::uint64_t seed, CheckReport& report);

  /// The largest changes of output and gradient over some random relative changes of `size` in point and cotangent, and
  /// of `of_ops` in the value of every op (see RoundingObserver): what rounding to that precision may do to them.
  struct Sensitivity {
    std::vector<double> value, gradient;
  };
  Sensitivity sensitivity(double size, double of_ops = 0);

  /// Whether the point is at an edge of the function's domain, beyond which its output is no number.
  bool has_edges() const { return !inward_.empty(); }

  /// See largest_terms; computed when it is asked for first.
  double terms();

  /// A random direction within [first, first + count); there are several of a kind, told apart by `which`. It leads
  /// inward from every element that is at an edge of the domain.
  Direction direction(Drawn kind, std::int64_t first, std::int64_t count, int which = 0) const;

  void add(Finding finding) { report.findings.push_back(std::move(finding)); }
  /// About one element of a variable.
  void add(std::string check, Diagnosis diagnosis, const Variable& variable, std::int64_t element, std::string text);

 private:
  void look_for_edges();

  std::optional<double> terms_;
  std::vector<int> inward_;  ///< 1 or −1: the only side of an element on which the output is a number; empty: no edges
};

/// No op writes beside its memory, or reads what nobody wrote, in any scalar that the problem takes. To be called
/// before anything else runs the problem: what writes beside its memory may end the program. False: it does.
bool check_memory(const Problem& problem, CheckReport& report);

/// First derivatives against both oracles. False: a kink kept the differences from deciding; another sample may do
/// better.
bool check_derivatives(CheckContext& context);

/// Forward and backward again: the same bits, for subsets of inputs too; contributions of several uses add up.
void check_consistency(CheckContext& context);

/// No derivative crosses what the problem's attention forbids.
void check_masks(CheckContext& context);

/// Hessian-vector products against differences of gradients, and their symmetry. False as above.
bool check_second_order(CheckContext& context);

/// Values and gradients in float against double. False as above.
bool check_single_precision(CheckContext& context);

}  // namespace tapehead
