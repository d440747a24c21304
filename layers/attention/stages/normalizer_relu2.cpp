#include <algorithm>

#include "autograd/ops/masked_relu.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_normalizer_relu2() {
  return {.kind = StageKind::normalizer,
          .name = "relu2",
          .description = "squares of positive scores, divided by the number of keys",
          .source = "Hua et al. 2022, Transformer Quality in Linear Time, §3.1",
          .apply = [](const auto& in) { return masked_relu(in.scores, in.mask, in.sizes.heads, 2); },
          .plain =
              [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
                const auto n = static_cast<double>(std::count(in.allowed.begin(), in.allowed.end(), true));
                for (std::size_t k = 0; k < scores.size(); ++k) {
                  scores[k] = in.allowed[k] && scores[k].real() > 0 ? scores[k] * scores[k] / n : 0;
                }
                return scores;
              }};
}

}  // namespace tapehead
