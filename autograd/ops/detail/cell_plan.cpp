#include "autograd/ops/detail/cell_plan.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/parallel.hpp"

namespace tapehead {
namespace {

// Slices that are read together at most: enough for products that are not starved by the weights they read, and few
// enough for several threads to have some of a batch each.
constexpr std::int64_t kGroup = 16;

}  // namespace

template <Scalar T>
CellPlan plan_cell(const char* op, const CellInputs<T>& in, const CellOptions& options, const CellSizes& sizes) {
  Tape<T>& tape = tape_of(op, {in.x, in.weight, in.recurrent}, {in.bias, in.recurrent_bias, in.first});
  const Shape x = in.x.shape();
  const std::int64_t width = in.recurrent.shape().rows;
  // Words are made only for a refusal: a training step allocates nothing.
  const auto require = [&](const char* name, const Shape& shape, const Shape& needed, bool of_x = false) {
    if (shape == needed) return;
    const std::string x_with = of_x ? fmt::format("x {} with ", to_string(x)) : "";
    throw ShapeError(fmt::format("{}: {} is {}, and {}a state of {} channels needs {}", op, name, to_string(shape),
                                 x_with, width, to_string(needed)));
  };
  require("recurrent", in.recurrent.shape(), {width, sizes.gates * width});
  require("weight", in.weight.shape(), {x.rows, sizes.gates * width}, true);
  if (in.bias) require("bias", in.bias.shape(), {sizes.gates * width});
  if (in.first) require("first", in.first.shape(), {sizes.states * width, 1, x.slices}, true);
  if (in.recurrent_bias) {
    if (!sizes.has_recurrent_bias) throw ShapeError(fmt::format("{}: takes no recurrent bias", op));
    require("recurrent bias", in.recurrent_bias.shape(), {width});
  }

  CellPlan plan{.channels = x.rows,
                .width = width,
                .positions = x.columns,
                .slices = x.slices,
                .lengths = options.lengths,
                .backwards = options.backwards};
  auto* order = tape.template allocate_as<std::int32_t>(plan.slices);
  for (std::int64_t b = 0; b < plan.slices; ++b) order[b] = static_cast<std::int32_t>(b);
  if (options.lengths != nullptr) {
    std::sort(order, order + plan.slices, [&](std::int32_t a, std::int32_t b) {
      return plan.length(a) != plan.length(b) ? plan.length(a) > plan.length(b) : a < b;
    });
  }
  plan.groups = (plan.slices + kGroup - 1) / kGroup;
  auto* first_slice = tape.template allocate_as<std::int64_t>(plan.groups + 1);
  auto* first_column = tape.template allocate_as<std::int64_t>(plan.groups + 1);
  first_slice[0] = first_column[0] = 0;
  for (std::int64_t g = 0; g < plan.groups; ++g) {
    first_slice[g + 1] = work_range(plan.slices, static_cast<int>(g), static_cast<int>(plan.groups)).last;
    first_column[g + 1] = first_column[g];
    for (std::int64_t i = first_slice[g]; i < first_slice[g + 1]; ++i) first_column[g + 1] += plan.length(order[i]);
  }
  plan.columns = first_column[plan.groups];
  plan.order = order;
  plan.first_slice = first_slice;
  plan.first_column = first_column;
  return plan;
}

template CellPlan plan_cell(const char*, const CellInputs<float>&, const CellOptions&, const CellSizes&);
template CellPlan plan_cell(const char*, const CellInputs<double>&, const CellOptions&, const CellSizes&);
template CellPlan plan_cell(const char*, const CellInputs<std::complex<double>>&, const CellOptions&, const CellSizes&);

}  // namespace tapehead
