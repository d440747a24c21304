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
  /// Σ |cotangent ∘ ẏ|, of the last complex_step(): what was summed, before any of it cancelled.
  double terms() const;
  /// How far the last digits of complex_step() may be off, by rounding values anew in a few draws, and by other
  /// multiples of the direction (see another_multiple).
  double complex_step_noise(const Direction& direction, std::uint64_t seed, double terms);
  /// The same by Ridders' differences in double, to an error of about `goal`. Where the function is no number on one
  /// side of the point, however near, they are taken on the other.
  RiddersEstimate differences(const Direction& direction, double goal);
  /// Begun at several steps, each value believed as far as another confirms it: see confirmed_ridders. Values are taken
  /// to be rounded beside `terms` (see largest_terms): one that moves in steps gives the same wrong quotient from
  /// several starts.
  RiddersEstimate confirmed_differences(const Direction& direction, double goal, double terms = 0);
  /// By how much the derivative jumps at the point itself: the smallest difference between the slopes on both sides,
  /// over several tiny steps. About zero where the function is smooth.
  double jump(const Direction& direction);

 private:
  std::optional<Difference> probe(const Direction& direction, double from, double to, double terms);
  template <class F>
  RiddersEstimate on_both_sides_or_one(const Direction& direction, double terms, F estimate);
  double only_side(const Direction& direction);
  bool evaluate(const Direction& direction, double step);
  double measured_noise(const Problem& problem);

  std::vector<double> cotangent_;
  std::optional<Evaluator<std::complex<double>>> complex_;
  Evaluator<double> real_;
  std::uint64_t branches_;
  double rounding_;      // error of a value relative to its size
  double beside_input_;  // error of a value whose op may round beside its input, as x · Φ(x) does
  std::vector<double> tangents_;
};

}  // namespace tapehead
