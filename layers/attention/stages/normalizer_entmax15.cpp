#include <algorithm>
#include <cmath>

#include "autograd/ops/masked_entmax15.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_normalizer_entmax15() {
  return {.kind = StageKind::normalizer,
          .name = "entmax15",
          .description = "between softmax and sparsemax: weights that are zero, and smooth",
          .source = "Peters, Niculae & Martins 2019, Sparse Sequence-to-Sequence Models",
          .apply = [](const auto& in) { return masked_entmax15(in.scores, in.mask, in.sizes.heads); },
          .plain =
              [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
                // Σ (s / 2 − τ)² = 1 over a set of the largest scores is a quadratic equation for τ.
                std::vector<std::size_t> order = in.by_score(scores);
                for (std::size_t size = 1; size <= order.size(); ++size) {
                  PlainStage::Number sum = 0, squares = -1;
                  for (std::size_t i = 0; i < size; ++i) {
                    sum += scores[order[i]] / 2.0;
                    squares += scores[order[i]] * scores[order[i]] / 4.0;
                  }
                  const auto count = static_cast<double>(size);
                  const PlainStage::Number discriminant = sum * sum - count * squares;
                  if (discriminant.real() < 0) continue;
                  const PlainStage::Number threshold = (sum - std::sqrt(discriminant)) / count;
                  const bool inside = scores[order[size - 1]].real() / 2 > threshold.real();
                  const bool outside = size == order.size() || scores[order[size]].real() / 2 <= threshold.real();
                  if (!inside || !outside) continue;
                  std::vector<PlainStage::Number> weights(scores.size());
                  for (std::size_t i = 0; i < size; ++i) {
                    weights[order[i]] = (scores[order[i]] / 2.0 - threshold) * (scores[order[i]] / 2.0 - threshold);
                  }
                  return weights;
                }
                std::fill(scores.begin(), scores.end(), 0);
                return scores;
              }};
}

}  // namespace tapehead
