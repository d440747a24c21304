#include <algorithm>
#include <iostream>
#include <iterator>

#include "autograd/check/check.hpp"
#include "layers/spec.hpp"

using namespace tapehead;

int main() {
  std::vector<ProblemCase> cases;
  for (const LayerSpec& spec : layer_specs()) std::ranges::copy(spec.cases, std::back_inserter(cases));
  const auto at = std::ranges::find(cases, "layers/linear/in6_out5", &ProblemCase::name);
  const auto shrunk = [&](std::uint64_t) {
    Problem problem = at->draw(1);
    return problem;
  };
  const CheckReport report = check_problem({"shrunk", shrunk, true});
  std::cout << report.text();
  return report.passed() ? 0 : 1;
}
