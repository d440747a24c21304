#pragma once

#include <string>

#include "autograd/base/options.hpp"

namespace tapehead {

/// How first weights are drawn, beside the law, in people's words.
struct DrawChoices {
  double deviation = 0.02;         ///< of the law `normal`
  double gain = 1;                 ///< what the other laws draw is multiplied by
  std::string residual = "equal";  ///< equal | scaled: of weights whose outputs are added to the stream

  std::string query = "equal";  ///< equal | scaled: of weights that make queries

  // Out of line: g++ 12 takes what a braced list would destroy, if it threw halfway, for uninitialised.
  ~DrawChoices();

  static Fields<DrawChoices> fields();
};

}  // namespace tapehead
