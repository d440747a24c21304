#pragma once

#include <armadillo>

#include "autograd/base/errors.hpp"
#include "autograd/tape.hpp"

/// \file
/// Armadillo matrices in and out of a tape: for initial values, statistics, and ops of one's own. Armadillo is a heavy
/// header; nothing else of tapehead includes this one.

namespace tapehead {

/// Slice `slice` of a value, copied: it may outlive the tape. x (R, C, S) → (R × C).
template <Scalar T>
arma::Mat<T> to_matrix(const Var<T>& x, std::int64_t slice = 0) {
  const Shape shape = x.shape();
  if (slice < 0 || slice >= shape.slices) {
    throw ShapeError("to_matrix: there is no slice " + std::to_string(slice) + " in " + to_string(shape));
  }
  return {x.data() + slice * shape.rows * shape.columns, static_cast<arma::uword>(shape.rows),
          static_cast<arma::uword>(shape.columns)};
}

/// All slices, copied. x (R, C, S) → (R × C × S).
template <Scalar T>
arma::Cube<T> to_cube(const Var<T>& x) {
  const Shape shape = x.shape();
  return {x.data(), static_cast<arma::uword>(shape.rows), static_cast<arma::uword>(shape.columns),
          static_cast<arma::uword>(shape.slices)};
}

template <class T>
Shape shape_of(const arma::Mat<T>& matrix) {
  return {static_cast<std::int64_t>(matrix.n_rows), static_cast<std::int64_t>(matrix.n_cols)};
}

/// A copy of the matrix on the tape that no gradient flows into.
template <Scalar T>
Var<T> constant(Tape<T>& tape, const arma::Mat<T>& matrix) {
  return tape.constant(shape_of(matrix), matrix.memptr());
}

/// A copy of the matrix on the tape that collects a gradient.
template <Scalar T>
Var<T> input(Tape<T>& tape, const arma::Mat<T>& matrix) {
  return tape.input(shape_of(matrix), matrix.memptr());
}

/// Memory that belongs to somebody else, such as what Tape::allocate gave, as a matrix to compute with: a view of a
/// fixed size that owns nothing. It must not outlive the memory, and a pullback must not capture it (it captures the
/// pointer, and borrows again).
template <Scalar T>
arma::Mat<T> borrow(T* data, std::int64_t rows, std::int64_t columns) {
  return arma::Mat<T>(data, static_cast<arma::uword>(rows), static_cast<arma::uword>(columns), /*copy=*/false,
                      /*strict=*/true);
}

}  // namespace tapehead
