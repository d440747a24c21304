#pragma once

#include <string>

#include "autograd/base/options.hpp"

namespace tapehead {

/// What feed-forward layers are made of, in people's words.
struct FeedForwardChoices {
  std::string kind = "plain";       ///< plain | gated | none
  std::string activation = "relu";  ///< see parse_activation()
  std::string bias = "yes";         ///< yes | no

  static Fields<FeedForwardChoices> fields();
};

}  // namespace tapehead
