#pragma once

#include <cstdint>

#include "autograd/base/options.hpp"
#include "autograd/scalar.hpp"

namespace tapehead {

/// From what distribution a token is drawn.
struct SampleOptions {
  double temperature = 1;
  std::int64_t top_k = 0;  ///< 0: all
  double top_p = 1;

  static Fields<SampleOptions> fields();
};

/// A token drawn from softmax(logits / temperature), restricted to the `top_k` likeliest tokens (Fan et al. 2018,
/// §5.2), and of these to the fewest whose probabilities, the likeliest first, come to `top_p` (Holtzman et al. 2020,
/// eq. 2–3): the one at the share `uniform` (of [0, 1)) of their sum, in the order of ids. Among equals the first ids
/// are the likelier ones. Never kPadding or kStart; kPadding if no logit is a number. logits (V).
template <RealScalar T>
std::int32_t drawn_token(const T* logits, std::int64_t vocabulary, const SampleOptions& options, double uniform);

}  // namespace tapehead
