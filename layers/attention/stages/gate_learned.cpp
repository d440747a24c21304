#include "autograd/ops/scale_heads.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_gate_learned() {
  return {
      .kind = StageKind::gate,
      .name = "learned",
      .description = "the context of a head is multiplied by a number that it learns",
      .source = "Michel, Levy & Neubig 2019, Are Sixteen Heads Really Better than One?: the mask ξ of a head, learned",
      .symbols = {"gate"},
      .declare =
          [](const Scope& scope, const HeadSizes& sizes, const StageNumbers&) {
            return std::vector{scope.declare({scope.vector("factor", sizes.heads, 1)})};
          },
      .apply = [](const auto& in) { return scale_heads(in.context, in.parameters[0], HeadsIn::rows); },
      .plain =
          [](const PlainStage& in, std::vector<PlainStage::Number> context) {
            for (auto& each : context) each *= in.parameters[0][in.head];
            return context;
          }};
}

}  // namespace tapehead
