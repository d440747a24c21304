#include "autograd/ops/subtract_heads.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

// λ is a number that each head learns by itself, where the paper makes it of four vectors, and begins at the paper's
// constant; contexts are not normalised.
StageSpec stage_spec_mixing_differential() {
  return {.kind = StageKind::mixing,
          .name = "differential",
          .description =
              "a head has two halves of queries and keys; its weights are the first's less a learned share of "
              "the second's",
          .source = "Ye et al. 2024, Differential Transformer, eq. 1",
          .symbols = {"lam"},
          .parts = 2,
          .declare =
              [](const Scope& scope, const HeadSizes& sizes, const StageNumbers&) {
                return std::vector{scope.declare({scope.vector("lambda", sizes.heads, 0.8)})};
              },
          .apply = [](const auto& in) { return subtract_heads(in.scores, in.parameters[0]); },
          .plain_heads =
              [](const PlainStage& in, bool after, StageSpec::PlainHeads heads) {
                if (!after) return heads;
                StageSpec::PlainHeads differences;
                for (std::size_t h = 0; h < heads.size() / 2; ++h) {
                  auto& difference = differences.emplace_back(heads[2 * h]);
                  for (std::size_t k = 0; k < difference.size(); ++k) {
                    difference[k] -= in.parameters[0][h] * heads[2 * h + 1][k];
                  }
                }
                return differences;
              }};
}

}  // namespace tapehead
