#include <cmath>

#include "autograd/ops/unit_norm.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {
namespace {

constexpr double kEpsilon = 1e-12;  // under the root: a vector of zeros has no direction

}  // namespace

// gain_h · cos(q, k): bounded, however long queries and keys grow. The gain is learned, one a head, and begins at D,
// about what |q| |k| is while their numbers have variance one, so that every scale means what it means for dot
// products.
StageSpec stage_spec_score_cosine() {
  return {.kind = StageKind::score,
          .name = "cosine",
          .description = "the cosine of query and key times a learned gain",
          .source = "Henry et al. 2020, Query-Key Normalization for Transformers",
          .symbols = {"g"},
          .declare =
              [](const Scope& scope, const HeadSizes& sizes, const StageNumbers&) {
                const auto start = static_cast<double>(sizes.key_width);
                return std::vector{scope.declare({scope.vector("gain", sizes.heads, start)})};
              },
          .query = [](const auto& in) { return unit_norm(in.query, in.parameters[0], in.sizes.heads, kEpsilon); },
          .key = [](const auto& in) { return unit_norm(in.key, {}, in.sizes.of_keys(), kEpsilon); },
          .plain =
              [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
                const auto length = [](const std::vector<PlainStage::Number>& x) {
                  PlainStage::Number squares = kEpsilon;
                  for (const auto& each : x) squares += each * each;
                  return std::sqrt(squares);
                };
                for (std::size_t k = 0; k < scores.size(); ++k) {
                  scores[k] = 0;
                  for (std::size_t i = 0; i < in.query.size(); ++i) scores[k] += in.query[i] * in.keys[k][i];
                  scores[k] *= in.parameters[0][in.head] / (length(in.query) * length(in.keys[k]));
                }
                return scores;
              }};
}

}  // namespace tapehead
