#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <type_traits>
#include <vector>

#include "autograd/ops/detail/cell_plan.hpp"
#include "autograd/ops/detail/masked_cases.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

/// Which of the inputs that may be left out are there.
struct CellParts {
  bool bias = true;
  bool recurrent_bias = true;  ///< of a cell that takes one
  bool first = true;
};

/// Inputs as a spec lists them, x, weight, recurrent and then those that are there, as an op takes them.
template <class Vars>
auto cell_inputs(const Vars& x, const CellSizes& sizes, const CellParts& parts) {
  using T = std::remove_cvref_t<decltype(*x[0].data())>;
  CellInputs<T> in{.x = x[0], .weight = x[1], .recurrent = x[2]};
  std::size_t next = 3;
  if (parts.bias) in.bias = x[next++];
  if (parts.recurrent_bias && sizes.has_recurrent_bias) in.recurrent_bias = x[next++];
  if (parts.first) in.first = x[next++];
  return in;
}

/// Their shapes, of C channels and a state of H, over (T, B). Weights are so small that gates are not saturated, and
/// that what is small does not grow beyond all bounds from step to step.
inline std::vector<InputSpec> cell_shapes(const CellSizes& sizes, std::int64_t channels, std::int64_t width,
                                          std::int64_t positions, std::int64_t slices, const CellParts& parts) {
  const auto input = [](const char* label, const Shape& shape, double bound = 1.5) {
    return InputSpec{.shape = shape, .low = -bound, .high = bound, .name = label};
  };
  const auto shrunk = [](double bound, std::int64_t in) {
    return bound / std::sqrt(static_cast<double>(std::max<std::int64_t>(in, 4)));
  };
  std::vector<InputSpec> all{input("x", {channels, positions, slices}),
                             input("weight", {channels, sizes.gates * width}, shrunk(1.5, channels)),
                             input("recurrent", {width, sizes.gates * width}, shrunk(0.6, width))};
  if (parts.bias) all.push_back(input("bias", {sizes.gates * width}));
  if (parts.recurrent_bias && sizes.has_recurrent_bias) all.push_back(input("recurrent bias", {width}));
  if (parts.first) all.push_back(input("first", {sizes.states * width, 1, slices}));
  return all;
}

/// The cases and refusals that ops through a cell share. `call(in, options)` is the op on a CellInputs<T>.
template <class Call>
OpSpec cell_spec(const std::string& name, const CellSizes& sizes, Call call) {
  const auto with = [sizes, call](const CellParts& parts, const CellOptions& options) {
    return [=](auto x) { return call(cell_inputs(x, sizes, parts), options); };
  };
  const auto at = [&](const std::string& label, std::int64_t channels, std::int64_t width, std::int64_t positions,
                      std::int64_t slices, const CellOptions& options, const CellParts& parts = {}) {
    return OpCase{label, cell_shapes(sizes, channels, width, positions, slices, parts), with(parts, options)};
  };
  const std::int32_t* const lengths = ragged_lengths();
  const CellParts alone{false, false, false};
  const auto shapes = [&](const Shape& weight, const Shape& recurrent, std::initializer_list<Shape> rest) {
    std::vector<Shape> all{{3, 5, 2}, weight, recurrent};
    all.insert(all.end(), rest);
    return all;
  };
  const auto text = [](std::int64_t rows, std::int64_t columns) { return to_string(Shape{rows, columns}); };
  const std::int64_t g = sizes.gates;
  OpSpec spec{
      .name = name,
      .cases =
          {
              at("T1", 3, 2, 1, 1, {}),
              at("C3_H2_T5_B2", 3, 2, 5, 2, {}),
              at("without_what_may_be_left_out", 3, 2, 4, 2, {}, alone),
              at("backwards", 2, 3, 5, 2, {.backwards = true}),
              at("ragged", 2, 2, 6, 3, {.lengths = lengths}),
              at("ragged_backwards", 2, 2, 6, 3, {.lengths = lengths, .backwards = true}),
              at("two_groups_B18", 1, 2, 3, 18, {.lengths = lengths}, {.first = false}),
              at("C17_H9", 17, 9, 2, 1, {}),
              at("H17", 1, 17, 2, 2, {}, alone),
              at("T67", 1, 1, 67, 1, {}),
              at("C67", 67, 1, 2, 1, {}, alone),
          },
      .refusals = {
          {"recurrent", shapes({3, 4 * g}, {4, 4 * g - 1}, {}), with(alone, {}),
           name + ": recurrent is " + text(4, 4 * g - 1) + ", and a state of 4 channels needs " + text(4, 4 * g)},
          {"weight", shapes({2, 4 * g}, {4, 4 * g}, {}), with(alone, {}),
           name + ": weight is " + text(2, 4 * g) + ", and x (3, 5, 2) with a state of 4 channels needs " +
               text(3, 4 * g)},
          {"bias", shapes({3, 4 * g}, {4, 4 * g}, {{4 * g + 1}}), with({true, false, false}, {}),
           name + ": bias is " + text(4 * g + 1, 1) + ", and a state of 4 channels needs " + text(4 * g, 1)},
          {"first", shapes({3, 4 * g}, {4, 4 * g}, {{4 * sizes.states, 2, 2}}), with({false, false, true}, {}),
           name + ": first is " + to_string(Shape{4 * sizes.states, 2, 2}) +
               ", and x (3, 5, 2) with a state of 4 channels needs " + to_string(Shape{4 * sizes.states, 1, 2})},
      }};
  if (sizes.has_recurrent_bias) {
    spec.refusals.push_back({"recurrent_bias", shapes({3, 4 * g}, {4, 4 * g}, {{5}}), with({false, true, false}, {}),
                             name + ": recurrent bias is (5, 1), and a state of 4 channels needs (4, 1)"});
  } else {
    const auto given = [call](auto x) {
      auto in = cell_inputs(x, CellSizes{1, 1, true}, CellParts{false, true, false});
      return call(in, CellOptions{});
    };
    spec.refusals.push_back(
        {"recurrent_bias", shapes({3, 4 * g}, {4, 4 * g}, {{4}}), given, name + ": takes no recurrent bias"});
  }
  return spec;
}

}  // namespace tapehead
