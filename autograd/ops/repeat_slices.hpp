#pragma once

#include <cstdint>

#include "autograd/tape.hpp"

namespace tapehead {

/// Every slice `copies` times, one copy after another: slice s of x becomes slices s · copies … of y. x (R, C, S) →
/// (R, C, copies · S). So keys of G heads an example become keys of G · copies heads, of which neighbours share one.
/// Throws ConfigError for copies < 1.
template <Scalar T>
Var<T> repeat_slices(Var<T> x, std::int64_t copies);

}  // namespace tapehead
