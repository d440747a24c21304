#include <algorithm>
#include <cmath>

#include "autograd/ops/masked_sigmoid.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_normalizer_sigmoid() {
  return {.kind = StageKind::normalizer,
          .name = "sigmoid",
          .description = "the logistic function of each score less log n, for n keys; keys do not compete",
          .source = "Ramapuram et al. 2024, Theory, Analysis, and Best Practices for Sigmoid Self-Attention",
          .apply = [](const auto& in) { return masked_sigmoid(in.scores, in.mask, in.sizes.heads); },
          .plain =
              [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
                const auto n = static_cast<double>(std::count(in.allowed.begin(), in.allowed.end(), true));
                for (std::size_t k = 0; k < scores.size(); ++k) {
                  scores[k] = in.allowed[k] ? 1.0 / (1.0 + n * std::exp(-scores[k])) : 0;
                }
                return scores;
              }};
}

}  // namespace tapehead
