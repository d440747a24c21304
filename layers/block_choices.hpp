#pragma once

#include <cstdint>
#include <string>

#include "autograd/base/options.hpp"

namespace tapehead {

/// How the layers of a stack hang together, in people's words.
struct BlockChoices {
  double norm_epsilon = 1e-5;           ///< what norms add to the variance or the mean square
  std::string norm_bias = "yes";        ///< yes | no: of layer norms
  std::string embedding_norm = "no";    ///< yes | no: a norm of what the first layer reads
  std::string final_norm = "yes";       ///< yes | no: one behind the last layer
  std::string residual = "sequential";  ///< sequential | parallel
  std::string value_residual = "none";  ///< none | equal | learned
  std::int64_t distinct_layers = 0;     ///< with parameters of their own; 0: all
  double layer_drop = 0;                ///< share of layers left out in training

  // Out of line: g++ 12 takes what a braced list would destroy, if it threw halfway, for uninitialised.
  ~BlockChoices();

  static Fields<BlockChoices> fields();
};

}  // namespace tapehead
