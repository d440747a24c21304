#include <algorithm>
#include <cmath>

#include "autograd/ops/forgetting_bias.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_bias_forgetting() {
  return {.kind = StageKind::bias,
          .name = "forgetting",
          .description = "each position says by a gate how much of what is beyond it a query still sees",
          .source = "Lin et al. 2025, Forgetting Transformer",
          .symbols = {"logit"},
          .of_keys = {"forget", 4},  // σ(4) = 0.98: half is forgotten after about forty positions
          .apply = [](const auto& in) { return forgetting_bias(in.scores, in.of_keys, in.first_query); },
          .plain =
              [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
                const auto at = static_cast<std::size_t>(in.query_position);
                for (std::size_t k = 0; k < scores.size(); ++k) {
                  for (std::size_t l = std::min(k, at) + 1; l <= std::max(k, at); ++l) {
                    scores[k] -= std::log(1.0 + std::exp(-in.of_keys[l]));
                  }
                }
                return scores;
              }};
}

}  // namespace tapehead
