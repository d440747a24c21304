#pragma once

#include <cstdint>
#include <string>

#include "autograd/tape.hpp"

namespace tapehead {

/// How one column is made of those of a sequence.
enum class Pooling {
  first,  ///< the first: that of a class token
  mean,   ///< the mean of those that are there
};

/// "first" or "mean"; anything else throws ConfigError.
Pooling parse_pooling(const std::string& text);

/// x (C, T, B), of which the first lengths[b] columns of example b are there (nullptr: all) → (C, 1, B). An example of
/// no column gives zeros.
template <Scalar T>
Var<T> pooled(Var<T> x, Pooling pooling, const std::int32_t* lengths = nullptr);

}  // namespace tapehead
