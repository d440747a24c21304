#include <algorithm>

#include "autograd/ops/masked_relu.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_normalizer_relu() {
  return {.kind = StageKind::normalizer,
          .name = "relu",
          .description = "positive scores, divided by the number of keys",
          .source = "Wortsman et al. 2023, Replacing softmax with ReLU in Vision Transformers",
          .apply = [](const auto& in) { return masked_relu(in.scores, in.mask, in.sizes.heads); },
          .plain =
              [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
                const auto n = static_cast<double>(std::count(in.allowed.begin(), in.allowed.end(), true));
                for (std::size_t k = 0; k < scores.size(); ++k) {
                  scores[k] = in.allowed[k] && scores[k].real() > 0 ? scores[k] / n : 0;
                }
                return scores;
              }};
}

}  // namespace tapehead
