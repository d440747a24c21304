#include <algorithm>
#include <cmath>

#include "autograd/ops/masked_softmax.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_normalizer_softmax() {
  return {.kind = StageKind::normalizer,
          .name = "softmax",
          .description = "softmax over the keys that may be attended",
          .source = "Vaswani et al. 2017, eq. 1",
          .apply = [](const auto& in) { return masked_softmax(in.scores, in.mask, in.sizes.heads); },
          .plain =
              [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
                double largest = -HUGE_VAL;
                for (std::size_t k = 0; k < scores.size(); ++k) {
                  if (in.allowed[k]) largest = std::max(largest, scores[k].real());
                }
                PlainStage::Number total = 0;
                for (std::size_t k = 0; k < scores.size(); ++k) {
                  scores[k] = in.allowed[k] ? std::exp(scores[k] - largest) : 0;
                  total += scores[k];
                }
                for (auto& each : scores) each = each == 0.0 ? 0 : each / total;
                return scores;
              }};
}

}  // namespace tapehead
