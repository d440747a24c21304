#include "autograd/ops/head_affine.hpp"
#include "autograd/ops/merge_heads.hpp"
#include "autograd/ops/split_heads.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_score_bilinear() {
  return {.kind = StageKind::score,
          .name = "bilinear",
          .description = "the product of query, a learned matrix of the head, and key",
          .source = "Luong, Pham & Manning 2015, eq. 8 (general)",
          .symbols = {"W"},
          .declare =
              [](const Scope& scope, const HeadSizes& sizes, const StageNumbers&) {
                return std::vector{
                    scope.declare({scope.head_weights("weight", sizes.key_width, sizes.key_width, sizes.heads)})};
              },
          .query =
              [](const auto& in) {
                const std::int64_t heads = in.sizes.heads;
                return merge_heads(head_affine(split_heads(in.query, heads), in.parameters[0]), heads);
              },
          .key = [](const auto& in) { return in.key; },
          .plain =
              [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
                const std::size_t width = in.query.size();
                const PlainStage::Number* weight =
                    in.parameters[0] + in.head * static_cast<std::int64_t>(width * width);
                for (std::size_t k = 0; k < scores.size(); ++k) {
                  scores[k] = 0;
                  for (std::size_t i = 0; i < width * width; ++i) {
                    scores[k] += in.keys[k][i / width] * weight[i] * in.query[i % width];
                  }
                }
                return scores;
              }};
}

}  // namespace tapehead
