#include "autograd/check/hessian.hpp"

#include "autograd/base/errors.hpp"
#include "autograd/check/evaluator.hpp"
#include "autograd/check/numbers.hpp"
#include "autograd/check/oracles.hpp"
#include "autograd/check/rounding.hpp"

namespace tapehead {

namespace {

using Complex = std::complex<double>;

std::vector<double> product_at(Evaluator<Complex>& evaluator, std::span<const double> v,
                               std::span<const double> cotangent) {
  std::vector<Complex> weights(cotangent.begin(), cotangent.end());
  if (weights.empty()) weights.assign(evaluator.value().size(), Complex(1));
  for (std::size_t i = 0; i < v.size(); ++i) evaluator.point()[i].imag(kComplexStep * v[i]);
  std::vector<double> product;
  for (const Complex& each : evaluator.gradient(weights)) product.push_back(each.imag() / kComplexStep);
  return product;
}

}  // namespace

std::vector<double> hessian_vector_product(const Problem& problem, std::span<const double> v,
                                           std::span<const double> cotangent) {
  if (!problem.function().takes<Complex>()) {
    throw ConfigError("hessian_vector_product: the function does not take complex numbers");
  }
  if (std::ssize(v) != problem.size()) {
    throw ShapeError("hessian_vector_product: the vector has " + std::to_string(v.size()) + " elements, the point " +
                     std::to_string(problem.size()));
  }
  Evaluator<Complex> evaluator(problem);
  return product_at(evaluator, v, cotangent);
}

std::vector<double> rounded_hessian_vector_product(const Problem& problem, std::span<const double> v,
                                                   std::span<const double> cotangent, std::uint64_t seed,
                                                   std::uint32_t draw) {
  Evaluator<Complex> evaluator(problem);
  RoundingObserver<Complex> rounding(seed, draw, 0x1p-52, kComplexStep * root_mean_square(v), true);
  evaluator.tape().set_observer(&rounding);
  round_point(evaluator.point(), seed, draw);
  return product_at(evaluator, v, cotangent);
}

}  // namespace tapehead
