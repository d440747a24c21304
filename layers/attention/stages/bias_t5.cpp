#include <algorithm>
#include <cmath>

#include "autograd/ops/bucket_line.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_bias_t5() {
  return {.kind = StageKind::bias,
          .name = "t5",
          .description = "a number that each head learns for each distance, far ones in buckets",
          .source = "Raffel et al. 2020, T5, §2.1",
          .symbols = {"table"},
          .line =
              [](const auto& in) {
                return bucket_line(in.parameters[0], {in.numbers.buckets, in.numbers.furthest, in.both_ways},
                                   in.distances());
              },
          .declare =
              [](const Scope& scope, const HeadSizes& sizes, const StageNumbers& numbers) {
                for (const bool both_ways : {true, false}) {
                  DistanceBuckets{numbers.buckets, numbers.furthest, both_ways}.check();
                }
                return std::vector{scope.declare({scope.zeros("table", sizes.heads, numbers.buckets)})};
              },
          .plain =
              [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
                const std::int64_t size = in.both_ways ? in.numbers.buckets / 2 : in.numbers.buckets;
                for (std::size_t k = 0; k < scores.size(); ++k) {
                  const std::int64_t distance = static_cast<std::int64_t>(k) - in.query_position;
                  const double away = in.both_ways ? std::abs(static_cast<double>(distance))
                                                   : std::max(0.0, -static_cast<double>(distance));
                  const double exact = static_cast<double>(size / 2);
                  double bucket = away;
                  if (away >= exact) {
                    const double share =
                        std::log(away / exact) / std::log(static_cast<double>(in.numbers.furthest) / exact);
                    bucket = std::min(static_cast<double>(size - 1),
                                      exact + std::floor(share * static_cast<double>(size - size / 2)));
                  }
                  if (in.both_ways && distance > 0) bucket += static_cast<double>(size);
                  scores[k] += in.parameters[0][in.head + in.sizes.heads * static_cast<std::int64_t>(bucket)];
                }
                return scores;
              }};
}

}  // namespace tapehead
