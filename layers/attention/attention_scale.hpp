#pragma once

#include <cstdint>
#include <string>

namespace tapehead {

/// What attention scores are multiplied by, as people write it: `inv_sqrt_dk` (1/√d_k, Vaswani et al. 2017), `none`
/// (1), `inv_dk` (1/d_k), `inv_sqrt_dmodel` (1/√d_model), or a positive number; `learned` begins at 1/√d_k. d_k is the
/// width of one head's keys, as they are multiplied.
/// Throws ConfigError for any other text.
double attention_scale(const std::string& text, std::int64_t d_k, std::int64_t d_model);

}  // namespace tapehead
