#include <cmath>

#include "autograd/ops/additive_score.hpp"
#include "autograd/ops/head_affine.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_score_additive() {
  return {.kind = StageKind::score,
          .name = "additive",
          .description = "a small network of query and key, one hidden layer of tanh; the scale does not apply",
          .source = "Bahdanau, Cho & Bengio 2015, §A.1.2",
          .symbols = {"Wq", "Wk", "u"},
          .scaled = false,
          .declare =
              [](const Scope& scope, const HeadSizes& sizes, const StageNumbers&) {
                const std::int64_t width = sizes.key_width;
                return std::vector{scope.declare({scope.head_weights("query", width, width, sizes.heads)}),
                                   scope.declare({scope.head_weights("key", width, width, sizes.heads)}),
                                   scope.declare({scope.weight("direction", width, sizes.heads)})};
              },
          .apply =
              [](const auto& in) {
                return additive_score(head_affine(in.key, in.parameters[1]), head_affine(in.query, in.parameters[0]),
                                      in.parameters[2]);
              },
          .plain =
              [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
                const auto width = static_cast<std::int64_t>(in.query.size());
                const auto projected = [&](const std::vector<PlainStage::Number>& x, std::size_t weight,
                                           std::int64_t a) {
                  PlainStage::Number sum = 0;
                  for (std::int64_t i = 0; i < width; ++i) {
                    sum += in.parameters[weight][i + width * (a + width * in.head)] * x[static_cast<std::size_t>(i)];
                  }
                  return sum;
                };
                for (std::size_t k = 0; k < scores.size(); ++k) {
                  scores[k] = 0;
                  for (std::int64_t a = 0; a < width; ++a) {
                    scores[k] += in.parameters[2][a + width * in.head] *
                                 std::tanh(projected(in.query, 0, a) + projected(in.keys[k], 1, a));
                  }
                }
                return scores;
              }};
}

}  // namespace tapehead
