#pragma once

#include "autograd/base/options.hpp"

namespace tapehead {

/// Which tokens of a text are to be guessed, and what is shown in their places (Devlin et al. 2019, §3.1).
struct MaskingOptions {
  double share = 0.15;  ///< of tokens that are to be guessed
  double hidden = 0.8;  ///< of these, those that are shown as <mask>
  double random = 0.1;  ///< of these, those that are shown as any word, all alike; the rest are shown as they are

  static Fields<MaskingOptions> fields();
};

/// Throws ConfigError for shares that are more than all together.
void check(const MaskingOptions& options);

}  // namespace tapehead
