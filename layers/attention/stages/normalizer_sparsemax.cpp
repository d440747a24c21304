#include <algorithm>

#include "autograd/ops/masked_sparsemax.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_normalizer_sparsemax() {
  return {.kind = StageKind::normalizer,
          .name = "sparsemax",
          .description = "the point of the simplex nearest to the scores; most weights are zero",
          .source = "Martins & Astudillo 2016, From Softmax to Sparsemax",
          .apply = [](const auto& in) { return masked_sparsemax(in.scores, in.mask, in.sizes.heads); },
          .plain =
              [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
                // Every set of the largest scores is tried; the one that fits its own threshold is it.
                std::vector<std::size_t> order = in.by_score(scores);
                for (std::size_t size = 1; size <= order.size(); ++size) {
                  PlainStage::Number threshold = -1;
                  for (std::size_t i = 0; i < size; ++i) threshold += scores[order[i]];
                  threshold /= static_cast<double>(size);
                  const bool inside = scores[order[size - 1]].real() > threshold.real();
                  const bool outside = size == order.size() || scores[order[size]].real() <= threshold.real();
                  if (!inside || !outside) continue;
                  std::vector<PlainStage::Number> weights(scores.size());
                  for (std::size_t i = 0; i < size; ++i) weights[order[i]] = scores[order[i]] - threshold;
                  return weights;
                }
                std::fill(scores.begin(), scores.end(), 0);
                return scores;
              }};
}

}  // namespace tapehead
