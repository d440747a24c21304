#pragma once

#include <cstdint>

#include "autograd/shape.hpp"

namespace tapehead {

enum class Axis { rows, columns, slices };

/// The size of a shape along an axis.
inline std::int64_t& size_along(Shape& shape, Axis axis) {
  return axis == Axis::rows ? shape.rows : axis == Axis::columns ? shape.columns : shape.slices;
}

/// A value seen along an axis: `runs` runs of `length · size_along(axis)` neighbouring elements, the axis slowest
/// inside a run.
struct Runs {
  std::int64_t length;
  std::int64_t runs;
};

inline Runs runs_along(const Shape& shape, Axis axis) {
  if (axis == Axis::rows) return {1, shape.columns * shape.slices};
  if (axis == Axis::columns) return {shape.rows, shape.slices};
  return {shape.rows * shape.columns, 1};
}

inline const char* name_of(Axis axis) {
  return axis == Axis::rows ? "rows" : axis == Axis::columns ? "columns" : "slices";
}

}  // namespace tapehead
