#pragma once

#include <stdexcept>

namespace tapehead {

/// What every failure of tapehead derives from. The message is one line: what, where, what to do.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Sizes that do not fit together; the message names the op and every shape involved.
struct ShapeError : Error {
  using Error::Error;
};

/// An option, or a combination of options, that cannot be used.
struct ConfigError : Error {
  using Error::Error;
};

/// Input data that cannot be read or does not fit the vocabulary.
struct DataError : Error {
  using Error::Error;
};

/// A checkpoint that is missing, damaged, or of another kind.
struct CheckpointError : Error {
  using Error::Error;
};

/// Wrong use of a tape: a stale variable, a second backward, a loss that is not a scalar.
struct GradientError : Error {
  using Error::Error;
};

/// A loss or a gradient that is not finite.
struct NonfiniteError : GradientError {
  using GradientError::GradientError;
};

}  // namespace tapehead
