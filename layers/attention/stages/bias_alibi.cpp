#include <cmath>

#include "autograd/ops/alibi.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_bias_alibi() {
  return {.kind = StageKind::bias,
          .name = "alibi",
          .description = "scores fall with the distance of query and key, in each head at another rate",
          .source = "Press, Smith & Lewis 2022, Train Short, Test Long",
          .apply = [](const auto& in) { return alibi(in.scores, in.sizes.heads, in.first_query); },
          .plain =
              [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
                const double slope =
                    std::pow(2.0, -8.0 * static_cast<double>(in.head + 1) / static_cast<double>(in.sizes.heads));
                for (std::size_t k = 0; k < scores.size(); ++k) {
                  scores[k] -= slope * std::abs(static_cast<double>(in.query_position) - static_cast<double>(k));
                }
                return scores;
              }};
}

}  // namespace tapehead
