#pragma once

#include <cstdint>

#include "autograd/base/options.hpp"

namespace tapehead {

/// What convolutional models are made of, in people's words.
struct ConvolutionChoices {
  std::int64_t width = 3;  ///< positions that a layer sees at once

  static Fields<ConvolutionChoices> fields();
};

}  // namespace tapehead
