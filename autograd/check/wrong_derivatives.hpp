#pragma once

#include <vector>

#include "autograd/check/context.hpp"

namespace tapehead {

/// The derivatives of a problem after their verdicts, which stand in the report, and what they were judged by.
struct JudgedDerivatives {
  CheckContext& context;
  Oracles& oracles;
  bool differences_decide = false;              ///< else the complex step
  const std::vector<double>& complex_gradient;  ///< real parts, by the pullbacks on complex numbers; or empty
  bool crossed = false;                         ///< some differences met a kink
};

/// Adds a finding for every variable with a derivative that is wrong or undecided: the worst one, where it stands
/// (found by halving if the variable was judged along directions), and what all of them together look like.
void report_wrong_derivatives(const JudgedDerivatives& judged);

}  // namespace tapehead
