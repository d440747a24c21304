#include "autograd/check/eigenvalue.hpp"

#include <armadillo>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"

namespace tapehead {

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
