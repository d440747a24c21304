#include <utility>

#include "autograd/ops/sink_softmax.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_normalizer_zero_sink() {
  return {.kind = StageKind::normalizer,
          .name = "zero_sink",
          .description = "softmax beside one more score of zero, so that a head may attend nothing",
          .source = "Miller 2023, Attention Is Off By One",
          .sink = StageSpec::Sink::zero,
          .apply = [](const auto& in) { return sink_softmax(in.scores, {}, in.mask, in.sizes.heads); },
          .plain =
              [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
                const PlainStage::Number zero = 0;
                return in.softmax(std::move(scores), &zero);
              }};
}

}  // namespace tapehead
