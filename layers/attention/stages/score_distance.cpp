#include "autograd/ops/scale.hpp"
#include "autograd/ops/squared_distance.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_score_distance() {
  return {.kind = StageKind::score,
          .name = "distance",
          .description = "minus the squared distance of query and key",
          .source = "Kim, Papamakarios & Mnih 2021, The Lipschitz Constant of Self-Attention, §4",
          .apply = [](const auto& in) { return scale(squared_distance(in.key, in.query), -1); },
          .plain =
              [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
                for (std::size_t k = 0; k < scores.size(); ++k) {
                  scores[k] = 0;
                  for (std::size_t i = 0; i < in.query.size(); ++i) {
                    scores[k] -= (in.query[i] - in.keys[k][i]) * (in.query[i] - in.keys[k][i]);
                  }
                }
                return scores;
              }};
}

}  // namespace tapehead
