#include "autograd/armadillo.hpp"

#include <gtest/gtest.h>

#include "autograd/check/check.hpp"
#include "autograd/ops/affine.hpp"

namespace tapehead {
namespace {

TEST(Armadillo, MatricesGoInAndOut) {
  Tape<double> tape;
  const arma::mat w = {{1, 2, 3}, {4, 5, 6}};
  const arma::mat x = {{1, 0}, {-1, 2}};
  const auto y = affine(constant(tape, x), input(tape, w));
  EXPECT_TRUE(arma::approx_equal(to_matrix(y), arma::mat(w.t() * x), "absdiff", 1e-15));
  EXPECT_EQ(to_cube(y).n_slices, 1U);
  EXPECT_THROW(to_matrix(y, 1), ShapeError);
}

TEST(Armadillo, CopyOutlivesTheTape) {
  arma::mat kept;
  {
    Tape<double> tape;
    kept = to_matrix(constant(tape, arma::mat{{1, 2}, {3, 4}}));
  }
  EXPECT_EQ(kept(1, 0), 3);
}

// An op of one's own, outside the project: y = Aᵀ A for every slice, written with Armadillo.
template <Scalar T>
Var<T> gram(Var<T> a) {
  const Shape shape = a.shape();
  T* y = a.tape().allocate(shape.columns * shape.columns);
  const arma::Mat<T> in = to_matrix(a);
  borrow(y, shape.columns, shape.columns) = in.st() * in;  // .st() transposes and never conjugates
  return a.tape().record("gram", {shape.columns, shape.columns}, y, {a}, [=](Pull<T>& pull) {
    const arma::Mat<T> d_y(pull.d_output(), shape.columns, shape.columns);
    const arma::Mat<T> d = to_matrix(a) * (d_y + d_y.st());  // y = Aᵀ A
    pull.into(a).accumulate(shape.size(), [p = d.memptr()](std::int64_t i) { return p[i]; });
  });
}

TEST(Armadillo, AnOpWrittenWithItPassesTheCheck) {
  const CheckReport report = check_gradients([](auto x) { return gram(x[0]); }, {{{5, 3}}});
  EXPECT_TRUE(report.passed()) << report.text();
  EXPECT_EQ(report.derivatives.size(), 15U);
}

}  // namespace
}  // namespace tapehead
