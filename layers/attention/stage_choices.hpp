#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "autograd/base/options.hpp"

namespace tapehead {

/// The stages of an attention that can be chosen. The others are the same for all: see AttentionStages.
enum class StageKind {
  score,       ///< a number for each query and key
  bias,        ///< scores, changed
  mixing,      ///< scores and weights of heads, of those of all heads
  normalizer,  ///< weights from scores
  gate,        ///< contexts, changed
};
inline constexpr std::size_t kStageKinds = 5;

/// Numbers that some stages go by.
struct StageNumbers {
  std::int64_t top_keys = 8;    ///< that the normalizer `top` takes
  std::int64_t buckets = 32;    ///< of distances, in the bias `t5`
  std::int64_t furthest = 128;  ///< distance that `t5` tells from further ones
  std::int64_t clip = 16;       ///< distance from which on `shaw` takes all alike
  std::int64_t positions = 0;   ///< that there are, in the bias `table`; no option, for it follows from the model

  static Fields<StageNumbers> fields();
};

/// What people choose of the stages of an attention, in their words; see stage_specs(). The bias follows from how
/// positions are told apart.
struct StageChoices {
  std::string score = "dot";
  double cap = 0;  ///< c: scores s become c · tanh(s / c), before bias and mask (Gemma 2, 2024, §2); 0: they stay
  std::string bias = "none";
  std::string mixing = "none";
  std::string normalizer = "softmax";
  std::string gate = "none";
  StageNumbers numbers = {};

  static Fields<StageChoices> fields();
};

}  // namespace tapehead
