#pragma once

#include <string>

#include "autograd/base/options.hpp"

namespace tapehead {

/// What recurrent models are made of, in people's words.
struct RecurrentChoices {
  std::string cell = "gru";           ///< one of cell_specs()
  std::string bidirectional = "yes";  ///< yes | no: whether an encoder reads from either end
  std::string input_feeding = "no";   ///< yes | no: see RecurrentDecoder

  static Fields<RecurrentChoices> fields();
};

}  // namespace tapehead
