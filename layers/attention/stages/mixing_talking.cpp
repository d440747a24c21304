#include "autograd/ops/mix_heads.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

// Both mixings start as the identity: heads that do not talk yet.
StageSpec stage_spec_mixing_talking() {
  return {.kind = StageKind::mixing,
          .name = "talking",
          .description = "scores of a head are learned sums of those of all heads, and so are its weights",
          .source = "Shazeer et al. 2020, Talking-Heads Attention",
          .symbols = {"P", "W"},
          .declare =
              [](const Scope& scope, const HeadSizes& sizes, const StageNumbers&) {
                return std::vector{scope.declare({scope.identity("scores", sizes.heads)}),
                                   scope.declare({scope.identity("weights", sizes.heads)})};
              },
          .before = [](const auto& in) { return mix_heads(in.scores, in.parameters[0]); },
          .apply = [](const auto& in) { return mix_heads(in.scores, in.parameters[1]); },
          .plain_heads =
              [](const PlainStage& in, bool after, StageSpec::PlainHeads heads) {
                StageSpec::PlainHeads mixed(heads.size(), std::vector<PlainStage::Number>(heads[0].size()));
                for (std::size_t h = 0; h < heads.size(); ++h) {
                  for (std::size_t g = 0; g < heads.size(); ++g) {
                    const PlainStage::Number share = in.parameters[after ? 1 : 0][g + heads.size() * h];
                    for (std::size_t k = 0; k < heads[g].size(); ++k) mixed[h][k] += share * heads[g][k];
                  }
                }
                return mixed;
              }};
}

}  // namespace tapehead
