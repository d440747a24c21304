#include <utility>

#include "autograd/ops/masked_softmax.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {

StageSpec stage_spec_normalizer_softmax() {
  return {.kind = StageKind::normalizer,
          .name = "softmax",
          .description = "softmax over the keys that may be attended",
          .source = "Vaswani et al. 2017, eq. 1",
          .apply = [](const auto& in) { return masked_softmax(in.scores, in.mask, in.sizes.heads); },
          .plain = [](const PlainStage& in,
                      std::vector<PlainStage::Number> scores) { return in.softmax(std::move(scores)); }};
}

}  // namespace tapehead
