#include <cmath>

#include "autograd/ops/distance_bias.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {
namespace {

double slope_of(std::int64_t head, std::int64_t heads) {
  return std::exp2(-8.0 * static_cast<double>(head + 1) / static_cast<double>(heads));
}

// Of distance d and head h: −slope(h) · |d|.
template <Scalar T>
Var<T> line_of(const StageInput<T>& in, const DistanceRange& range) {
  Tape<T>& tape = in.query.tape();
  T* line = tape.allocate(range.count() * in.sizes.heads);
  for (std::int64_t h = 0; h < in.sizes.heads; ++h) {
    for (std::int64_t i = 0; i < range.count(); ++i) {
      const auto distance = static_cast<double>(std::abs(i + range.least));
      line[h * range.count() + i] = static_cast<Real<T>>(-slope_of(h, in.sizes.heads) * distance);
    }
  }
  return tape.constant({range.count(), in.sizes.heads}, line);
}

}  // namespace

StageSpec stage_spec_bias_alibi() {
  return {.kind = StageKind::bias,
          .name = "alibi",
          .description = "scores fall with the distance of query and key, in each head at another rate",
          .source = "Press, Smith & Lewis 2022, Train Short, Test Long",
          .line = [](const auto& in) { return line_of(in, in.distances()); },
          .plain =
              [](const PlainStage& in, std::vector<PlainStage::Number> scores) {
                const double slope =
                    std::pow(2.0, -8.0 * static_cast<double>(in.head + 1) / static_cast<double>(in.sizes.heads));
                for (std::size_t k = 0; k < scores.size(); ++k) {
                  scores[k] -= slope * std::abs(static_cast<double>(in.query_position) - static_cast<double>(k));
                }
                return scores;
              }};
}

}  // namespace tapehead
