#include <algorithm>

#include "autograd/ops/add.hpp"
#include "autograd/ops/relative_scores.hpp"
#include "autograd/ops/scale.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_bias_shaw() {
  return {
      .kind = StageKind::bias,
      .name = "shaw",
      .description = "the product of the query with a vector learned for each distance, shared by the heads",
      .source = "Shaw, Uszkoreit & Vaswani 2018, keys alone",
      .symbols = {"a"},
      .of_products = true,
      .declare =
          [](const Scope& scope, const HeadSizes& sizes, const StageNumbers& numbers) {
            return std::vector{scope.declare({scope.zeros("table", sizes.key_width, 2 * numbers.clip + 1)})};
          },
      .apply =
          [](const auto& in) {
            const auto relative =
                relative_scores(in.query, in.parameters[0], in.scores.shape().rows, in.sizes.heads, in.first_query);
            return add(in.scores, scale(relative, in.scale));
          },
      .plain =
          [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
            const std::int64_t clip = in.numbers.clip;
            for (std::size_t k = 0; k < scores.size(); ++k) {
              const std::int64_t distance = std::clamp(static_cast<std::int64_t>(k) - in.query_position, -clip, clip);
              for (std::size_t i = 0; i < in.query.size(); ++i) {
                scores[k] += in.scale * in.query[i] *
                             in.parameters[0][static_cast<std::int64_t>(i) + in.sizes.key_width * (distance + clip)];
              }
            }
            return scores;
          }};
}

}  // namespace tapehead
