#pragma once

#include <string>

#include "autograd/base/options.hpp"

namespace tapehead {

/// Text that is no pairs: where it is, and what of it is held out.
struct PlainTextOptions {
  std::string text = {};           ///< the file
  double validation_share = 0.05;  ///< of the text, where no held-out file is given
  double test_share = 0.05;        ///< likewise
  std::int64_t stride = 0;         ///< tokens from one held-out window to the next; 0: a whole window

  static Fields<PlainTextOptions> fields();
};

/// Throws ConfigError for shares that leave nothing to train on.
void check(const PlainTextOptions& options);

}  // namespace tapehead
