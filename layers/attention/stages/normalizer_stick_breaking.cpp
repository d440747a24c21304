#include <cmath>

#include "autograd/ops/stick_breaking.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_normalizer_stick_breaking() {
  return {.kind = StageKind::normalizer,
          .name = "stick_breaking",
          .description = "from the last key back, each takes its share of what the later ones left",
          .source = "Tan et al. 2025, Scaling Stick-Breaking Attention",
          .apply = [](const auto& in) { return stick_breaking(in.scores, in.mask, in.sizes.heads); },
          .plain =
              [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
                PlainStage::Number left = 1;
                for (std::size_t k = scores.size(); k-- > 0;) {
                  const PlainStage::Number share = in.allowed[k] ? 1.0 / (1.0 + std::exp(-scores[k])) : 0;
                  scores[k] = left * share;
                  left *= 1.0 - share;
                }
                return scores;
              }};
}

}  // namespace tapehead
