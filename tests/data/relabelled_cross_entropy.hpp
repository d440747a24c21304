#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "autograd/ops/cross_entropy.hpp"

namespace tapehead::testing_support {

/// cross_entropy() where class 0 is a class like any other, and another one, or none, is ignored. The targets are
/// relabelled, and the logits' rows exchanged to match. With none ignored, target 0 is counted by a second call in
/// which classes 0 and 1 have changed places. It must outlive backward().
class RelabelledCrossEntropy {
 public:
  RelabelledCrossEntropy(const std::vector<std::int32_t>& targets, std::optional<std::int32_t> ignored);

  /// logits (V, T, B), T·B targets → (1, 1, 1).
  Var<double> operator()(Var<double> logits, const CrossEntropyOptions& options) const;

 private:
  std::optional<std::int32_t> ignored_;
  std::vector<std::int32_t> targets_;  // ignored ↔ 0
  std::vector<std::int32_t> zeros_;    // target 0 as 1, all others as padding
};

}  // namespace tapehead::testing_support
