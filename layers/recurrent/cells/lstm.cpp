#include "autograd/ops/lstm.hpp"

#include <cmath>

#include "layers/recurrent/cell.hpp"

namespace tapehead {

CellSpec cell_spec_lstm() {
  return {.name = "lstm",
          .description = "long short-term memory: gates decide what a cell takes in, keeps and shows",
          .source = "Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000",
          // A cell that begins by keeping what it has learns over distances (Jozefowicz et al. 2015, §2.2).
          .gates = {{"input"}, {"forget", 1}, {"candidate"}, {"output"}},
          .states = 2,
          .apply = [](const auto& call) { return lstm(call.in, call.options); },
          .plain =
              [](const PlainCell& in) {
                const auto sigmoid = [](PlainCell::Numbers::value_type a) { return 1.0 / (1.0 + std::exp(-a)); };
                const std::size_t width = in.before.size() / 2;
                PlainCell::Numbers now(2 * width);
                for (std::size_t i = 0; i < width; ++i) {
                  const auto sum = [&](std::size_t gate) {
                    return in.of_x[gate * width + i] + in.of_h[gate * width + i];
                  };
                  const auto kept = sigmoid(sum(1)) * in.before[width + i];
                  now[width + i] = kept + sigmoid(sum(0)) * std::tanh(sum(2));
                  now[i] = sigmoid(sum(3)) * std::tanh(now[width + i]);
                }
                return now;
              }};
}

}  // namespace tapehead
