#include <cmath>

#include "autograd/ops/sink_softmax.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_normalizer_learned_sink() {
  return {
      .kind = StageKind::normalizer,
      .name = "learned_sink",
      .description = "softmax beside one more score that each head learns",
      .source = "OpenAI 2025, gpt-oss model card, §2",
      .sink = StageSpec::Sink::learned,
      .declare = [](const Scope& scope, const HeadSizes& sizes,
                    const StageNumbers&) { return std::vector{scope.declare({scope.vector("sink", sizes.heads, 0)})}; },
      .apply = [](const auto& in) { return sink_softmax(in.scores, in.parameters[0], in.mask, in.sizes.heads); },
      .plain =
          [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
            PlainStage::Number total = std::exp(in.parameters[0][in.head]);
            for (std::size_t k = 0; k < scores.size(); ++k) {
              scores[k] = in.allowed[k] ? std::exp(scores[k]) : 0;
              total += scores[k];
            }
            for (auto& each : scores) each /= total;
            return scores;
          }};
}

}  // namespace tapehead
