#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// The same numbers in the same order, in another shape; one of its axes may be −1, which is what is left. Throws
/// ShapeError for a shape of another size.
template <Scalar T>
Var<T> reshape(Var<T> x, Shape shape);

}  // namespace tapehead
