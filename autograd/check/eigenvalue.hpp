#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace tapehead {

/// What Lanczos' iteration found of a symmetric operator.
struct LargestEigenvalue {
  double value = 0;
  double residual = 0;  ///< ‖A x − value · x‖ for the unit Ritz vector x: some eigenvalue lies no further away
  int iterations = 0;
  bool converged = false;
};

/// The largest (most positive) eigenvalue by Lanczos (1950) with full reorthogonalisation, from a random start that
/// `seed` draws. Stops when the residual is below `tolerance` · |value|, or after `iterations`.
LargestEigenvalue largest_eigenvalue(std::int64_t size,
                                     const std::function<std::vector<double>(std::span<const double>)>& apply,
                                     double tolerance = 1e-6, int iterations = 200, std::uint64_t seed = 1);

}  // namespace tapehead
