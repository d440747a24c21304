#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <span>
#include <vector>

#include "autograd/base/random.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// Below this, times the size of the cotangent, the imaginary parts of the complex step begin to underflow.
inline constexpr double kComplexUnderflow = 0x1p-680;

/// Rounds the value of every op anew: as it is recorded, each element is moved up or down by `size` of itself (no less
/// than a rounding error: half of one would mostly round back), and whatever reads it later, the op's own pullback
/// included, reads the moved one. What a gradient does then is what rounding between ops does to it, cancellation in a
/// pullback too: 1 − y² at y = 1 shows no change when x is moved, and all of it when y is (Parker 1997, "Monte Carlo
/// arithmetic", does so at every operation).
template <Scalar T>
class RoundingObserver : public TapeObserver<T> {
 public:
  /// `step`: the size of the imaginary parts of the point, where they are a complex step. A derivative inside an op may
  /// cancel too, as that of a large probability does, and then rounds beside the value. `zeros`: those that are zero
  /// may have cancelled; else they stand for values that nothing moves.
  RoundingObserver(std::uint64_t seed, std::uint32_t draw, double size, double step = 0, bool zeros = false)
      : random_(seed, Purpose::gradient_check, 6), draw_(draw), size_(size), step_(step), zeros_(zeros) {}

  void on_record(Var<T> y, std::span<const Var<T>> /*inputs*/) override {
    T* values = const_cast<T*>(y.data());  // the tape's own memory
    const std::int64_t count = y.shape().size();
    for (std::int64_t i = 0; i < count; ++i) {
      const bool up = random_.uniform(draw_, y.index(), static_cast<std::uint32_t>(i)) < 0.5;
      values[i] *= static_cast<Real<T>>(up ? 1 + size_ : 1 - size_);
      if constexpr (!RealScalar<T>) {
        if (values[i].imag() == 0 && !zeros_) continue;
        const bool forward = random_.uniform(draw_, y.index(), static_cast<std::uint32_t>(i + count)) < 0.5;
        values[i] += T(0, (forward ? size_ : -size_) * step_ * std::abs(values[i].real()));
      }
    }
  }

 private:
  RandomStream random_;
  std::uint32_t draw_;
  double size_;
  double step_;
  bool zeros_;
};

/// Moves each element of a point up or down by a rounding error.
template <class T>
void round_point(std::vector<T>& point, std::uint64_t seed, std::uint32_t draw) {
  const RandomStream random(seed, Purpose::gradient_check, 7);
  for (std::size_t i = 0; i < point.size(); ++i) {
    point[i] *= random.uniform(draw, static_cast<std::uint32_t>(i)) < 0.5 ? 1 + 0x1p-52 : 1 - 0x1p-52;
  }
}

/// Between a half and one, another for each draw and purpose. What is linear, a tangent in its direction or a gradient
/// in its cotangent, is computed for this multiple of it and divided again: exact arithmetic would change nothing, so
/// what changes is rounding, inside ops too. Moving numbers by their last digits does not show all of that: where x is
/// multiplied by 1 − ε and x taken off again, x moved by units in its last place rounds as it did before. A pullback
/// that is wrong may not be linear at all: so no more of the change is taken for rounding than `kRoundingOfTerms`
/// explains.
inline double another_multiple(std::uint64_t seed, std::uint32_t draw, std::uint32_t purpose) {
  return 0.5 + 0.5 * RandomStream(seed, Purpose::gradient_check, 8).uniform(draw, purpose);
}

/// What is off by less than this, times the terms of a node (see largest_terms), may be nothing but rounding.
inline constexpr double kRoundingOfTerms = 0x1p-48;

/// Raises what is known of a noise to a change, as far as that may be rounding.
inline void raise_noise(double& noise, double change, double most) {
  if (change > noise) noise = std::max(noise, std::min(change, most));
}

/// A vector times a number.
inline std::vector<double> multiple_of(std::span<const double> vector, double factor) {
  std::vector<double> scaled(vector.begin(), vector.end());
  for (double& each : scaled) each *= factor;
  return scaled;
}

}  // namespace tapehead
