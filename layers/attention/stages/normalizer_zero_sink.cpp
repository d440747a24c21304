#include <cmath>

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
                PlainStage::Number total = 1;
                for (std::size_t k = 0; k < scores.size(); ++k) {
                  scores[k] = in.allowed[k] ? std::exp(scores[k]) : 0;
                  total += scores[k];
                }
                for (auto& each : scores) each /= total;
                return scores;
              }};
}

}  // namespace tapehead
