#include "autograd/check/hessian.hpp"

#include <cmath>

#include <armadillo>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
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

LargestEigenvalue largest_eigenvalue(std::int64_t size,
                                     const std::function<std::vector<double>(std::span<const double>)>& apply,
                                     double tolerance, int iterations, std::uint64_t seed) {
  if (size < 1) throw ShapeError("largest_eigenvalue: the operator has no rows");
  const auto rows = static_cast<arma::uword>(size);
  const RandomStream random(seed, Purpose::gradient_check, 3);
  arma::vec start(rows);
  for (arma::uword i = 0; i < rows; ++i) start(i) = random.normal(static_cast<std::uint32_t>(i));
  std::vector<arma::vec> basis{start / arma::norm(start)};
  std::vector<double> diagonal, beside;
  LargestEigenvalue found;
  for (int step = 1; step <= std::min<std::int64_t>(iterations, size); ++step) {
    const arma::vec& q = basis.back();
    arma::vec next(apply({q.memptr(), rows}));
    diagonal.push_back(arma::dot(q, next));
    // Twice is enough (Kahan, in Parlett 1980, §6.9) to stay orthogonal to working precision.
    for (int pass = 0; pass < 2; ++pass) {
      for (const arma::vec& each : basis) next -= arma::dot(each, next) * each;
    }
    const double norm = arma::norm(next);

    const auto order = static_cast<arma::uword>(step);
    arma::mat tridiagonal(order, order, arma::fill::zeros);
    for (arma::uword i = 0; i < order; ++i) tridiagonal(i, i) = diagonal[i];
    for (arma::uword i = 0; i + 1 < order; ++i) tridiagonal(i, i + 1) = tridiagonal(i + 1, i) = beside[i];
    arma::vec values;
    arma::mat vectors;
    if (!arma::eig_sym(values, vectors, tridiagonal))
      throw Error("largest_eigenvalue: the operator gave numbers that are not finite");
    found.value = values(order - 1);
    found.residual = norm * std::abs(vectors(order - 1, order - 1));
    found.iterations = step;
    found.converged = found.residual <= tolerance * std::abs(found.value);
    if (found.converged || norm == 0) break;
    beside.push_back(norm);
    basis.emplace_back(next / norm);
  }
  found.converged = found.converged || found.residual <= tolerance * std::abs(found.value);
  return found;
}

}  // namespace tapehead
