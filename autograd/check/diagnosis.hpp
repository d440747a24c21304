#pragma once

#include <string>
#include <vector>

#include "autograd/check/report.hpp"
#include "autograd/problem.hpp"

namespace tapehead {

/// What is known of the gradient of one variable that is wrong, element by element.
struct Evidence {
  const Variable& variable;
  std::vector<double> analytic;
  std::vector<double> expected;  ///< by the oracle
  /// tangents[i]: what the output does along element i, column after column; cotangent alike.
  std::vector<std::vector<double>> tangents;
  const std::vector<double>& cotangent;
  Shape output;
  double tolerance = 0;  ///< for |analytic − expected|
};

struct Explanation {
  Diagnosis diagnosis = Diagnosis::none;
  std::string text;  ///< "the right numbers with the other sign"; empty if nothing fits
};

/// Names the pattern that a wrong gradient follows, if there is one. Each rule must explain every wrong element within
/// the tolerance; the more special ones come first.
Explanation explain(const Evidence& evidence);

/// A number as people write it: "2", "1/3", "√6", "1/√6"; plain digits if it is none of these.
std::string recognised(double factor);

}  // namespace tapehead
