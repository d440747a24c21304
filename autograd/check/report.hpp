#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "autograd/shape.hpp"

namespace tapehead {

/// What a check concludes. `inconclusive`: nothing wrong was seen, but the oracle's error is not well below the
/// tolerance.
enum class Verdict { pass, fail, inconclusive };

/// What a wrong gradient looks like, where the numbers say so.
enum class Diagnosis {
  none,
  sign,                  ///< the right numbers with the other sign
  factor,                ///< the right numbers times a constant
  transposed,            ///< rows and columns changed places
  accumulated_too_few,   ///< contributions overwrite each other
  accumulated_too_many,  ///< contributions are counted again
  not_connected,         ///< zero where there is a derivative
  leaks_through_mask,    ///< a derivative crosses what the mask forbids
  wrong_where_masked,    ///< wrong only where the derivative is zero: masked, dropped, ignored
  broadcast_not_summed,  ///< one column or slice where the sum over all belongs
  wrong_in_part,         ///< wrong in one row, column, slice or head alone
  permuted,              ///< the right numbers of another row, column, slice or head
};

/// "sign", "accumulated too few times" …; empty for none.
const char* name_of(Diagnosis diagnosis);
/// "pass", "fail", "inconclusive".
const char* name_of(Verdict verdict);

/// What a derivative's verdict rests on.
enum class Ground {
  agreement,           ///< both oracles agree with it
  complex_step,        ///< off from the complex step
  complex_pullback,    ///< not what the pullbacks on complex numbers give
  differences,         ///< off from the differences, which decide
  differences_alone,   ///< the complex step agrees, precise differences disagree with both
  complex_step_alone,  ///< precise differences agree, the complex step disagrees with both
  kink,                ///< the same, but the function has a kink at the point or too near to it
  control_coarse,      ///< the complex step agrees, differences do not, and are too coarse to be believed
  oracle_coarse,       ///< the error of the oracle that decides is not well below the tolerance
  says_nothing,        ///< differences are so coarse that they agree with anything
  lost_in_rounding,    ///< off, but so small beside its neighbours that rounding may have done it
  not_finite,          ///< not a number, or infinite
};

/// "agreement", "complex step", "differences alone" …
const char* name_of(Ground ground);

/// One derivative, held against its oracles: along one element of a variable, or along a random direction of length one
/// over `count` of them. Numbers that were not taken are NaN.
struct Derivative {
  static constexpr double kNotTaken = std::numeric_limits<double>::quiet_NaN();

  std::int64_t variable =
      0;                   ///< its number in the report; as wide as what follows, so that no byte between them is unset
  std::int64_t first = 0;  ///< element of the variable
  std::int64_t count = 1;
  double analytic = 0;
  double complex_analytic = kNotTaken;  ///< the same by the pullbacks on complex numbers, which Hessians are made of
  double complex_step = kNotTaken;
  double differences = kNotTaken;        ///< Ridders' extrapolation
  double differences_error = kNotTaken;  ///< its own estimate of its error
  double error_bound = 0;                ///< of the oracle that decides
  double tolerance = 0;                  ///< for |analytic − oracle|
  double error = kNotTaken;              ///< |analytic − the number that `ground` names|, or the oracle's own error
  double allowed = kNotTaken;            ///< what that may be
  Ground ground = Ground::agreement;
  Verdict verdict = Verdict::pass;
};

/// Something that is wrong, or could not be decided.
struct Finding {
  std::string check;  ///< gradient, memory, input, determinism, accumulation, unused, subset, mask, node, second order,
                      ///< float, exception, crash
  Verdict verdict = Verdict::fail;
  Diagnosis diagnosis = Diagnosis::none;
  std::string text;                               ///< one line: where, the numbers, and why if that is known
  std::string variable;                           ///< empty: not about one
  std::array<std::int64_t, 3> index{-1, -1, -1};  ///< row, column, slice
};

/// What checking one problem found.
struct CheckReport {
  std::string name;
  std::uint64_t seed = 0;  ///< that draws the point which was checked
  std::vector<std::string> variables;
  std::vector<Shape> shapes;
  std::vector<Derivative> derivatives;
  std::vector<Finding> findings;
  std::int64_t nodes = 0;         ///< of the tape, each checked on its own
  std::int64_t second_order = 0;  ///< elements of Hessian-vector products that were checked
  int redrawn = 0;                ///< samples given up because a kink lay between probes
  double complex_step_error = 0;  ///< largest |analytic − complex step| / scale
  double differences_error = 0;   ///< largest |analytic − differences| / scale

  Verdict verdict() const;
  bool passed() const { return verdict() == Verdict::pass; }
  /// The most frequent diagnosis among the findings.
  Diagnosis diagnosis() const;
  /// Failed and inconclusive findings in aligned lines; one line if all is well.
  std::string text() const;
};

struct Variable;
/// "query (row 3, column 2, slice 0)"; with parts "joined (row 3, column 2, slice 0: key, head 1)".
std::string place_of(const Variable& variable, std::int64_t element);

}  // namespace tapehead
