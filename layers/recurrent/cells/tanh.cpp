#include <cmath>

#include "autograd/ops/elman.hpp"
#include "layers/recurrent/cell.hpp"

namespace tapehead {

CellSpec cell_spec_tanh() {
  return {.name = "tanh",
          .description = "plain recurrent network: the state is made anew at each step",
          .source = "Elman 1990",
          .gates = {{"state"}},
          .apply = [](const auto& call) { return elman(call.in, call.options); },
          .plain =
              [](const PlainCell& in) {
                PlainCell::Numbers now;
                for (std::size_t i = 0; i < in.before.size(); ++i) now.push_back(std::tanh(in.of_x[i] + in.of_h[i]));
                return now;
              }};
}

}  // namespace tapehead
