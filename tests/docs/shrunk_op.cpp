#include <algorithm>
#include <iostream>
#include <iterator>

#include "autograd/check/check.hpp"
#include "autograd/spec.hpp"

using namespace tapehead;

int main() {
  std::vector<ProblemCase> cases;
  for (const OpSpec& spec : op_specs()) std::ranges::copy(problem_cases(spec), std::back_inserter(cases));
  const auto at = std::ranges::find(cases, "ops/softmax/K5_Q3", &ProblemCase::name);
  const auto shrunk = [&](std::uint64_t) {
    Problem problem = at->with_shapes(std::vector<Shape>{Shape{2, 1, 1}}, 4);
    problem.point() = {0.25, 1};
    return problem;
  };
  const CheckReport report = check_problem({"shrunk", shrunk, true});
  std::cout << report.text();
  return report.passed() ? 0 : 1;
}
