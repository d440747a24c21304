#include "autograd/ops/masked_scores.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_normalizer_none() {
  return {.kind = StageKind::normalizer,
          .name = "none",
          .description = "the scores themselves",
          .source = "Katharopoulos et al. 2020, Transformers are RNNs, with the identity for φ and no divisor",
          .apply = [](const auto& in) { return masked_scores(in.scores, in.mask, in.sizes.heads); },
          .plain =
              [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
                for (std::size_t k = 0; k < scores.size(); ++k) scores[k] = in.allowed[k] ? scores[k] : 0;
                return scores;
              }};
}

}  // namespace tapehead
