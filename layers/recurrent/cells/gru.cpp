#include "autograd/ops/gru.hpp"

#include <cmath>

#include "layers/recurrent/cell.hpp"

namespace tapehead {

CellSpec cell_spec_gru() {
  return {.name = "gru",
          .description = "gated recurrent unit: a gate decides how much of the state is made anew",
          .source = "Cho et al. 2014",
          .gates = {{"reset"}, {"update"}, {"candidate"}},
          .gate_of_own_bias = "candidate",
          .apply = [](const auto& call) { return gru(call.in, call.options); },
          .plain =
              [](const PlainCell& in) {
                const auto sigmoid = [](PlainCell::Numbers::value_type a) { return 1.0 / (1.0 + std::exp(-a)); };
                const std::size_t width = in.before.size();
                PlainCell::Numbers now(width);
                for (std::size_t i = 0; i < width; ++i) {
                  const auto reset = sigmoid(in.of_x[i] + in.of_h[i]);
                  const auto update = sigmoid(in.of_x[width + i] + in.of_h[width + i]);
                  const auto remembered = in.of_h[2 * width + i] + in.recurrent_bias[i];
                  const auto candidate = std::tanh(in.of_x[2 * width + i] + reset * remembered);
                  now[i] = (1.0 - update) * candidate + update * in.before[i];
                }
                return now;
              }};
}

}  // namespace tapehead
