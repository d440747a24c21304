#include <utility>

#include "autograd/ops/sink_softmax.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_normalizer_learned_sink() {
  return {
      .kind = StageKind::normalizer,
      .name = "learned_sink",
      .description = "softmax beside one more score that each head learns",
      .source = "OpenAI 2025, gpt-oss model card, §2",
      .symbols = {"sink"},
      .sink = StageSpec::Sink::learned,
      .declare = [](const Scope& scope, const HeadSizes& sizes,
                    const StageNumbers&) { return std::vector{scope.declare({scope.vector("sink", sizes.heads, 0)})}; },
      .apply = [](const auto& in) { return sink_softmax(in.scores, in.parameters[0], in.mask, in.sizes.heads); },
      .plain =
          [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
            return in.softmax(std::move(scores), in.parameters[0] + in.head);
          }};
}

}  // namespace tapehead
