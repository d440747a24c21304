#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "autograd/problem.hpp"

namespace tapehead {

/// H v, the Hessian of cotangent · y by the point, times v: the imaginary part of the gradient at point + i·h·v. Exact
/// to rounding, at the price of one complex forward and backward pass (Pearlmutter 1994 has the same by other means).
/// An empty cotangent stands for ones. Throws ShapeError when sizes do not fit, ConfigError for a function that does
/// not take complex numbers.
std::vector<double> hessian_vector_product(const Problem& problem, std::span<const double> v,
                                           std::span<const double> cotangent = {});

/// The same with point and values rounded anew, by a seed and the number of a draw: see RoundingObserver.
std::vector<double> rounded_hessian_vector_product(const Problem& problem, std::span<const double> v,
                                                   std::span<const double> cotangent, std::uint64_t seed,
                                                   std::uint32_t draw);

}  // namespace tapehead
