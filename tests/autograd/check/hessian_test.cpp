#include "autograd/check/hessian.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "autograd/base/errors.hpp"
#include "autograd/check/eigenvalue.hpp"
#include "autograd/ops/exp.hpp"
#include "autograd/ops/multiply.hpp"
#include "autograd/ops/sum.hpp"

namespace tapehead {
namespace {

TEST(HessianVectorProduct, OfASumOfProductsOfExponentials) {
  // f = Σ a exp(b): ∂²f/∂a∂b = exp(b), ∂²f/∂b² = a exp(b), and nothing else.
  const Problem problem([](auto x) { return sum(multiply(x[0], exp(x[1]))); }, {{{3}}, {{3}}}, 4);
  const std::vector<double>& at = problem.point();
  const std::vector<double> v = {1, -2, 0.5, 3, 0.25, -1};
  const std::vector<double> product = hessian_vector_product(problem, v);
  for (std::size_t i = 0; i < 3; ++i) {
    const double e = std::exp(at[3 + i]);
    EXPECT_NEAR(product[i], e * v[3 + i], 1e-14 * e);
    EXPECT_NEAR(product[3 + i], e * v[i] + at[i] * e * v[3 + i], 1e-13 * e);
  }
}

TEST(HessianVectorProduct, RefusesWhatItCannotDo) {
  const Problem real([](Inputs<double> x) { return sum(x[0]); }, {{{3}}}, 1);
  EXPECT_THROW(hessian_vector_product(real, std::vector<double>(3)), ConfigError);
  const Problem problem([](auto x) { return sum(x[0]); }, {{{3}}}, 1);
  EXPECT_THROW(hessian_vector_product(problem, std::vector<double>(4)), ShapeError);
}

TEST(LargestEigenvalue, OfTheSecondDifference) {
  // The matrix with 2 on its diagonal and −1 beside it has the eigenvalues 2 − 2 cos(kπ / (n + 1)).
  constexpr std::int64_t n = 60;
  const auto apply = [](std::span<const double> x) {
    std::vector<double> y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      y[i] = 2 * x[i] - (i > 0 ? x[i - 1] : 0) - (i + 1 < x.size() ? x[i + 1] : 0);
    }
    return y;
  };
  const LargestEigenvalue found = largest_eigenvalue(n, apply);
  const double expected = 2 - 2 * std::cos(n * M_PI / (n + 1));
  EXPECT_TRUE(found.converged);
  EXPECT_NEAR(found.value, expected, 1e-9);
  EXPECT_LE(found.residual, 1e-6 * found.value);
}

TEST(LargestEigenvalue, IsThePositiveOneHoweverLargeTheNegative) {
  const auto apply = [](std::span<const double> x) { return std::vector<double>{-100 * x[0], 3 * x[1], 1 * x[2]}; };
  EXPECT_NEAR(largest_eigenvalue(3, apply).value, 3, 1e-9);
}

TEST(LargestEigenvalue, SaysWhenItDidNotConverge) {
  const auto apply = [](std::span<const double> x) {
    std::vector<double> y(x.begin(), x.end());
    for (std::size_t i = 0; i < y.size(); ++i) y[i] *= 1 + 1e-3 * static_cast<double>(i);
    return y;
  };
  const LargestEigenvalue found = largest_eigenvalue(500, apply, 1e-12, 5);
  EXPECT_FALSE(found.converged);
  EXPECT_EQ(found.iterations, 5);
  EXPECT_GT(found.residual, 0);
}

}  // namespace
}  // namespace tapehead
