#pragma once

#include <functional>
#include <optional>
#include <vector>

namespace tapehead {

/// A derivative by extrapolated differences, with an estimate of its error; one entry for each component.
struct RiddersEstimate {
  std::vector<double> value, error;
  bool crossed = false;  ///< probes met a kink or left the domain, and had to come closer
  bool found = false;    ///< false: every pair of probes did
};

/// Where a probe lies. At the edge of a domain there is one side only; the error of its quotients goes by h, h², h³ …
/// instead of h², h⁴ …, so that it is coarser.
enum class Probes { central, one_sided };

/// What a probe gives: f(x + h v) − f(x − h v), or of a one-sided one f(x + h v) − f(x) for a v that leads inward, and
/// a bound on its rounding error for each component; nothing when a kink lies in between or a value is not finite.
struct Difference {
  std::vector<double> difference, rounding;
};
using DifferenceProbe = std::function<std::optional<Difference>(double h)>;

/// Ridders (1982), "Accurate computation of F′(x) and F′(x)F″(x)": central differences at h, h/2, h/4 … are
/// extrapolated to h = 0 by Neville's scheme, and the differences between neighbours in the tableau estimate the error.
/// Begins at `step`; stops when every error is below `goal`, when a further halving makes it worse, or when h is tiny.
/// The error includes what rounding of f does to the quotients.
RiddersEstimate ridders(const DifferenceProbe& probe, double step, double goal, Probes probes = Probes::central);

/// The same begun at several steps, none a power of two of another, so that no two share a probe. The error estimate of
/// one tableau can be too small by two orders of magnitude where neighbours agree by accident, while the step is not
/// yet small beside what the function does; so each value counts as far only as another one confirms it, and the best
/// confirmed one is taken, for each component. Several times as dear.
RiddersEstimate confirmed_ridders(const DifferenceProbe& probe, double step, double goal,
                                  Probes probes = Probes::central);

}  // namespace tapehead
