#include <algorithm>
#include <iostream>
#include <iterator>

#include "autograd/check/check.hpp"
#include "trainers/model_problem.hpp"

using namespace tapehead;

int main() {
  const std::vector<ProblemCase> cases = model_problems();
  const auto at = std::ranges::find(cases, "models/encoder/two_layers", &ProblemCase::name);
  const auto shrunk = [&](std::uint64_t) {
    Problem problem = at->draw(2);
    return problem;
  };
  const CheckReport report = check_problem({"shrunk", shrunk, true}, {.precision = CheckedPrecision::single_precision});
  std::cout << report.text();
  return report.passed() ? 0 : 1;
}
