// Ops that read a sequence through a cell, from their equations: one position after another, one number at a time.

#include <algorithm>
#include <cmath>
#include <functional>

#include "autograd/ops/detail/cell_cases.hpp"
#include "autograd/ops/elman.hpp"
#include "autograd/ops/gru.hpp"
#include "autograd/ops/last_column.hpp"
#include "autograd/ops/lstm.hpp"
#include "tests/autograd/ops/forward_oracles.hpp"

namespace tapehead {
namespace {

using Number = long double;
using Numbers = std::vector<Number>;

Number sigmoid(Number a) { return 1 / (1 + std::exp(-a)); }

// One step: what x gives of each gate, what h gives, the recurrent bias, and the state before → the state behind.
using PlainCell = std::function<Numbers(const Numbers& of_x, const Numbers& of_h, const Numbers& bias, const Numbers&)>;

Numbers elman_step(const Numbers& x, const Numbers& h, const Numbers& /*bias*/, const Numbers& before) {
  Numbers now(before.size());
  for (std::size_t i = 0; i < now.size(); ++i) now[i] = std::tanh(x[i] + h[i]);
  return now;
}

Numbers gru_step(const Numbers& x, const Numbers& h, const Numbers& bias, const Numbers& before) {
  const std::size_t width = before.size();
  Numbers now(width);
  for (std::size_t i = 0; i < width; ++i) {
    const Number reset = sigmoid(x[i] + h[i]);
    const Number update = sigmoid(x[width + i] + h[width + i]);
    const Number candidate = std::tanh(x[2 * width + i] + reset * (h[2 * width + i] + bias[i]));
    now[i] = (1 - update) * candidate + update * before[i];
  }
  return now;
}

Numbers lstm_step(const Numbers& x, const Numbers& h, const Numbers& /*bias*/, const Numbers& before) {
  const std::size_t width = before.size() / 2;
  Numbers now(2 * width);
  for (std::size_t i = 0; i < width; ++i) {
    const auto sum = [&](std::size_t gate) { return x[gate * width + i] + h[gate * width + i]; };
    Number& cell = now[width + i] = sigmoid(sum(1)) * before[width + i] + sigmoid(sum(0)) * std::tanh(sum(2));
    now[i] = sigmoid(sum(3)) * std::tanh(cell);
  }
  return now;
}

// How a case reads.
struct Reading {
  bool ragged = false, backwards = false;
  CellOptions options() const { return {.lengths = ragged ? ragged_lengths() : nullptr, .backwards = backwards}; }
};

Plain read(PlainInputs x, const CellSizes& sizes, const CellParts& parts, const Reading& how, const PlainCell& cell) {
  const auto [channels, positions, slices] = x[0].shape;
  const std::int64_t width = x[2].shape.rows;
  std::size_t next = 3;
  const Plain* bias = parts.bias ? &x[next++] : nullptr;
  const Plain* own = parts.recurrent_bias && sizes.has_recurrent_bias ? &x[next++] : nullptr;
  const Plain* first = parts.first ? &x[next++] : nullptr;
  Plain y({sizes.states * width, positions, slices});
  for (std::int64_t b = 0; b < slices; ++b) {
    const std::int64_t length = how.ragged ? std::min<std::int64_t>(ragged_lengths()[b], positions) : positions;
    Numbers state, own_bias;
    for (std::int64_t i = 0; i < y.shape.rows; ++i) state.push_back(first != nullptr ? (*first)(i, 0, b) : 0);
    for (std::int64_t i = 0; i < width; ++i) own_bias.push_back(own != nullptr ? (*own)(i) : 0);
    for (std::int64_t s = 0; s < length; ++s) {
      const std::int64_t t = how.backwards ? length - 1 - s : s;
      Numbers of_x, of_h;
      for (std::int64_t g = 0; g < sizes.gates * width; ++g) {
        Number& from_x = of_x.emplace_back(bias != nullptr ? (*bias)(g) : 0);
        for (std::int64_t c = 0; c < channels; ++c) from_x += x[1](c, g) * x[0](c, t, b);
        Number& from_h = of_h.emplace_back(0);
        for (std::int64_t i = 0; i < width; ++i) from_h += x[2](i, g) * state[static_cast<std::size_t>(i)];
      }
      state = cell(of_x, of_h, own_bias, state);
      for (std::int64_t i = 0; i < y.shape.rows; ++i) y(i, t, b) = state[static_cast<std::size_t>(i)];
    }
  }
  return y;
}

template <class Call>
ForwardOracle through(const std::string& op, const CellSizes& sizes, const PlainCell& cell, Call call) {
  ForwardOracle oracle{op, {}};
  const auto add = [&](const char* label, std::int64_t channels, std::int64_t width, std::int64_t positions,
                       std::int64_t slices, const Reading& how, const CellParts& parts) {
    oracle.cases.push_back({label, cell_shapes(sizes, channels, width, positions, slices, parts),
                            [=](Inputs<double> x) { return call(cell_inputs(x, sizes, parts), how.options()); },
                            [=](PlainInputs x) { return read(x, sizes, parts, how, cell); }});
  };
  add("C3_H2_T5_B2", 3, 2, 5, 2, {}, {});
  add("T1_B4", 2, 3, 1, 4, {}, {});
  add("alone", 2, 3, 4, 2, {}, {false, false, false});
  add("backwards", 2, 3, 5, 3, {.backwards = true}, {});
  add("ragged_in_groups", 3, 4, 6, 37, {.ragged = true}, {});
  add("ragged_backwards", 3, 4, 6, 21, {.ragged = true, .backwards = true}, {.bias = false});
  add("C37_H70", 37, 70, 9, 3, {}, {.first = false});
  add("T100", 2, 5, 100, 1, {}, {});
  return oracle;
}

ForwardCase last(const char* label, Shape x, bool ragged) {
  return {label,
          {{x}},
          [=](auto in) { return last_column(in[0], ragged ? ragged_lengths() : nullptr); },
          [=](PlainInputs in) {
            const Shape whole = in[0].shape;
            return Plain::of({whole.rows, 1, whole.slices}, [&](auto i, auto, auto b) {
              const std::int64_t length =
                  ragged ? std::min<std::int64_t>(ragged_lengths()[b], whole.columns) : whole.columns;
              return length == 0 ? 0 : in[0](i, length - 1, b);
            });
          }};
}

}  // namespace

std::vector<ForwardOracle> cell_oracles() {
  return {
      through("elman", {1, 1, false}, elman_step, [](const auto& in, const CellOptions& o) { return elman(in, o); }),
      through("gru", {3, 1, true}, gru_step, [](const auto& in, const CellOptions& o) { return gru(in, o); }),
      through("lstm", {4, 2, false}, lstm_step, [](const auto& in, const CellOptions& o) { return lstm(in, o); }),
      {"last_column", {last("R3_T4_B2", {3, 4, 2}, false), last("ragged_B9", {2, 5, 9}, true)}},
  };
}

}  // namespace tapehead
