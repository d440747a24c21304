#include <cmath>

#include "autograd/ops/masked_top_softmax.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_normalizer_top() {
  return {
      .kind = StageKind::normalizer,
      .name = "top",
      .description = "softmax over the keys with the largest scores",
      .source = "Gupta et al. 2021, Memory-efficient Transformers via Top-k Attention",
      .apply =
          [](const auto& in) { return masked_top_softmax(in.scores, in.mask, in.sizes.heads, in.numbers.top_keys); },
      .plain =
          [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
            const std::vector<std::size_t> order = in.by_score(scores);
            std::vector<PlainStage::Number> weights(scores.size());
            PlainStage::Number total = 0;
            for (std::size_t i = 0; i < order.size() && i < static_cast<std::size_t>(in.numbers.top_keys); ++i) {
              total += weights[order[i]] = std::exp(scores[order[i]] - scores[order[0]].real());
            }
            for (auto& each : weights) each = each == 0.0 ? 0 : each / total;
            return weights;
          }};
}

}  // namespace tapehead
