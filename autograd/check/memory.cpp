#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "autograd/check/context.hpp"
#include "autograd/fences.hpp"

namespace tapehead {
namespace {

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  const auto* x = reinterpret_cast<const std::byte*>(a.data());
  const auto* y = reinterpret_cast<const std::byte*>(b.data());
  return std::equal(x, x + a.size() * sizeof(T), y, y + b.size() * sizeof(T));
}

template <Scalar T>
struct Pass {
  std::vector<T> y, gradient;
};

// Values alone, then forward and backward.
template <Scalar T>
Pass<T> run(Evaluator<T>& evaluator) {
  const std::size_t size = evaluator.value().size();
  std::vector<T> cotangent;
  for (std::size_t o = 0; o < size; ++o)
    cotangent.push_back(static_cast<T>(static_cast<Real<T>>(o % 2 == 0 ? 1 : -0.75)));
  Pass<T> pass;
  pass.gradient = evaluator.gradient(cotangent);
  pass.y = evaluator.output();
  return pass;
}

template <Scalar T>
void check_memory_in(const Problem& problem, const char* scalar, CheckReport& report) {
  if (!problem.function().takes<T>() || !report.findings.empty()) return;
  const auto add = [&](const std::string& text) {
    report.findings.push_back({.check = "memory", .text = fmt::format("{}, in {}", text, scalar), .variable = {}});
  };
  Pass<T> fenced;
  for (const bool often : {false, true}) {
    Fences fences(often);
    Evaluator<T> evaluator(problem);
    evaluator.set_fences(&fences);
    fenced = run(evaluator);
    evaluator.look_at_fences();
    if (fences.findings().empty()) break;
    if (!often) continue;  // who was it?
    for (const std::string& found : fences.findings()) add(found);
    return;
  }
  // With other bytes in it and around it: who reads them shows.
  Fences other(false, true);
  Evaluator<T> evaluator(problem);
  evaluator.set_fences(&other);
  const Pass<T> again = run(evaluator);
  if (!same_bits(fenced.y, again.y)) add("values depend on memory that nobody wrote");
  if (!same_bits(fenced.gradient, again.gradient)) add("gradients depend on memory that nobody wrote");
}

}  // namespace

bool check_memory(const Problem& problem, CheckReport& report) {
  check_memory_in<double>(problem, "double", report);
  check_memory_in<float>(problem, "float", report);
  check_memory_in<std::complex<double>>(problem, "complex numbers", report);
  return report.findings.empty();
}

}  // namespace tapehead
