#include "autograd/ops/matmul.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_score_shared_bilinear() {
  return {.kind = StageKind::score,
          .name = "shared_bilinear",
          .description = "the product of key, a learned matrix and query",
          .source = "Luong et al. 2015, eq. 8, general",
          .symbols = {"W"},
          .declare =
              [](const Scope& scope, const HeadSizes& sizes, const StageNumbers&) {
                return std::vector{scope.declare({scope.weight("weight", sizes.key_width, sizes.key_width)})};
              },
          .apply =
              [](const auto& in) {  // kᵀ W q, for every head the same W (D, D)
                return matmul(in.key, matmul(in.parameters[0], in.query), Transpose::yes);
              },
          .plain =
              [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
                const std::size_t width = in.query.size();
                for (std::size_t k = 0; k < scores.size(); ++k) {
                  for (std::size_t i = 0; i < width * width; ++i) {
                    scores[k] += in.keys[k][i % width] * in.parameters[0][i] * in.query[i / width];
                  }
                }
                return scores;
              }};
}

}  // namespace tapehead
