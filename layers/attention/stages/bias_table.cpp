#include "autograd/base/errors.hpp"
#include "autograd/ops/table_bias.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_bias_table() {
  return {
      .kind = StageKind::bias,
      .name = "table",
      .description = "a number that each head learns for each pair of a query's and a key's position",
      .source = "Tay et al. 2021, Synthesizer: the random one, mixed with dot products",
      .symbols = {"bias"},
      .declare =
          [](const Scope& scope, const HeadSizes& sizes, const StageNumbers& numbers) {
            if (numbers.positions < 1) {
              throw ConfigError("attention: bias table needs to know how many positions there are");
            }
            ParameterRange table = scope.zeros("table", numbers.positions, numbers.positions);
            table.shape.slices = sizes.heads;
            return std::vector{scope.declare({table})};
          },
      .apply = [](const auto& in) { return table_bias(in.scores, in.parameters[0], in.sizes.heads, in.first_query); },
      .plain =
          [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
            const std::int64_t positions = in.numbers.positions;
            for (std::size_t k = 0; k < scores.size(); ++k) {
              scores[k] += in.parameters[0][static_cast<std::int64_t>(k) +
                                            positions * (in.query_position + positions * in.head)];
            }
            return scores;
          }};
}

}  // namespace tapehead
