#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "autograd/check/report.hpp"
#include "autograd/problem.hpp"

namespace tapehead {

/// A node of the tape whose pullback is not the transpose of its forward.
struct NodeFault {
  std::string op;
  std::uint32_t index = 0;  ///< its place on the tape
  double expected = 0;      ///< ⟨d_y, ẏ⟩
  double found = 0;         ///< Σ ⟨d_x, ẋ⟩ over what its pullback added
  double bound = 0;         ///< what they may differ by
  /// Inconclusive: so far below what the node is made of that nothing is left of it but rounding.
  Verdict verdict = Verdict::fail;
  Diagnosis diagnosis = Diagnosis::none;
  std::string detail;  ///< the inputs that get no gradient though they should; may be empty
};

struct NodeCheck {
  std::int64_t checked = 0;
  std::int64_t size = 0;  ///< of the tape
  std::vector<NodeFault> faults;
};

/// Checks every pullback of a tape by itself: tangents ẏ of all nodes come from the complex tape along `direction`,
/// adjoints and what each pullback adds to them from the tape in double; for each node ⟨d_y, ẏ⟩ = Σ ⟨d_x, ẋ⟩ must hold,
/// since d_x = Jᵀ d_y and ẏ = J ẋ. One forward and one backward pass find the op at fault. What looks wrong is held
/// against what rounding does to the difference of both sides, in passes whose values are rounded by `seed`. REQUIRES:
/// the function takes complex numbers.
NodeCheck check_nodes(const Problem& problem, std::span<const double> cotangent, std::span<const double> direction,
                      std::uint64_t seed = 1);

/// The largest terms of any node: Σ |d_y| · max |ẏ| + Σ |d_y ∘ y|, with tangents along `direction`. Rounding inside an
/// op goes beside the largest of its tangents and beside its values, whatever cancels: y = x − logΣexp(x) is computed
/// beside one where it is −1e-20, and then moves in steps, or not at all. 0 if the function takes no complex numbers.
double largest_terms(const Problem& problem, std::span<const double> cotangent, std::span<const double> direction);

}  // namespace tapehead
