#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "autograd/check/evaluator.hpp"
#include "autograd/check/ridders.hpp"

namespace tapehead {

/// A direction in the space of a point: zero but for elements [first, first + values.size()).
struct Direction {
  std::int64_t first = 0;
  std::vector<double> values;

  static Direction along(std::int64_t element) { return {element, {1}}; }
  /// Of length one, its entries uniform in size between half and three halves of each other, with random signs: none
  /// that could hide an element.
  static Direction random(std::int64_t first, std::int64_t count, std::uint64_t seed);

  double dot(const std::vector<double>& gradient) const;
};

/// The imaginary step of the complex oracle: its square underflows, its quotients stay normal.
inline constexpr double kComplexStep = 0x1p-332;

/// What the gradient of cotangent · f is held against. Both see the forward pass alone.
class Oracles {
 public:
  Oracles(const Problem& problem, std::vector<double> cotangent);

  bool has_complex_step() const { return complex_.has_value(); }

  /// Tangents ẏ of the output along a direction, exact to rounding (Squire & Trapp 1998).
  const std::vector<double>& tangents(const Direction& direction);
  /// cotangent · ẏ.
  double complex_step(const Direction& direction);
  /// The same by Ridders' differences in double, to an error of about `goal`.
  RiddersEstimate differences(const Direction& direction, double goal);

 private:
  std::optional<Probe> probe(const Direction& direction, double h);
  double measured_noise(const Problem& problem);

  std::vector<double> cotangent_;
  std::optional<Evaluator<std::complex<double>>> complex_;
  Evaluator<double> real_;
  std::uint64_t branches_;
  double rounding_;  // error of a value relative to its size
  std::vector<double> tangents_;
};

}  // namespace tapehead
