#pragma once

#include "autograd/scalar.hpp"

namespace tapehead {

/// The names of tape.hpp, for headers that speak of tapes and values and look into none: whoever includes only such
/// headers is not compiled anew when the tape changes.
template <Scalar T>
class Tape;
template <Scalar T>
class Pull;
template <Scalar T>
class Var;

}  // namespace tapehead
