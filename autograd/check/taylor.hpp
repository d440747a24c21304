#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "autograd/check/report.hpp"
#include "autograd/problem.hpp"

namespace tapehead {

/// What is left of φ(h) = cᵀ f(x + h v) when terms of Taylor's formula are taken off it: the root mean square over a
/// few random directions v and cotangents c, since the remainder along one may pass through zero.
struct TaylorStep {
  double step = 0;  ///< h
  /// |φ(h) − φ(0)|; |φ(h) − φ(0) − h φ′(0)|; |φ(h) − φ(0) − h φ′(0) − h²/2 φ″(0)|, which is not a number where the
  /// function takes no complex numbers, and so has no Hessian.
  std::array<double, 3> remainders{};
  double rounding = 0;  ///< of φ(h) − φ(0): remainders that are not well above it say nothing
};

/// Taylor's remainders of a problem along random directions. With a right gradient the second falls like h², with a
/// right Hessian the third like h³: lines of slopes 1, 2 and 3 over log h. A wrong one leaves a part of its own order,
/// and the line bends back to a smaller slope (the test that adjoint models are judged by: Navon et al. 1992,
/// "Variational data assimilation with an adiabatic version of the NMC spectral model", Mon. Wea. Rev. 120).
struct TaylorTest {
  std::string name;
  std::uint64_t seed = 0;         ///< that draws point, cotangents and directions
  std::vector<TaylorStep> steps;  ///< h = 1, 1/2, 1/4 …; none that has a kink between its two ends
  std::string why_not;            ///< why there is nothing to see: what was thrown, or an output that is no number

  /// The slope of each line where its steps are smallest and still above rounding; not a number where nothing ever is:
  /// a linear function has no second remainder.
  std::array<double, 3> slopes() const;
  /// pass: every slope is that of its line, or larger, or there is nothing left to have one. fail: a slope falls short.
  /// inconclusive: there is nothing to see.
  Verdict verdict() const;
};

/// Throws nothing of what the function throws: see `why_not`.
TaylorTest taylor_test(const ProblemCase& problem, std::uint64_t seed = 1);

}  // namespace tapehead
