#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_score_dot() {
  return {.kind = StageKind::score,
          .name = "dot",
          .description = "the dot product of query and key",
          .source = "Vaswani et al. 2017, §3.2.1",
          .plain = [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
            for (std::size_t k = 0; k < scores.size(); ++k) {
              scores[k] = 0;
              for (std::size_t i = 0; i < in.query.size(); ++i) scores[k] += in.query[i] * in.keys[k][i];
            }
            return scores;
          }};
}

}  // namespace tapehead
