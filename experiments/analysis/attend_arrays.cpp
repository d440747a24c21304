#include "experiments/analysis/attend_arrays.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"

namespace tapehead {

AttendSizes attend_sizes(const AttendInput& in, std::int64_t most) {
  for (const auto& [name, tensor] : {std::pair("q", &in.query), {"k", &in.key}, {"v", &in.value}}) {
    if (tensor->shape.size() == 4 && tensor->size() > 0) continue;
    throw ShapeError(fmt::format("attend: {} is {}; it must be (examples, heads, places, width), none of them 0", name,
                                 shape_text(*tensor)));
  }
  const auto& q = in.query.shape;
  const auto& k = in.key.shape;
  const auto& v = in.value.shape;
  if (q[3] != k[3]) {
    throw ShapeError(
        fmt::format("attend: queries have {} each, keys {}; they must be equally wide", counted(q[3], "number"), k[3]));
  }
  if (k[2] != v[2]) {
    throw ShapeError(
        fmt::format("attend: {} but {}; each key needs one value", counted(k[2], "key"), counted(v[2], "value")));
  }
  if (k[0] != q[0] || v[0] != q[0] || k[1] != v[1] || q[1] % k[1] != 0) {
    throw ShapeError(
        fmt::format("attend: q is {}, k {} and v {}; they must have as many examples, k and v as many "
                    "heads, and these must divide the heads of q",
                    shape_text(in.query), shape_text(in.key), shape_text(in.value)));
  }
  const double maps = static_cast<double>(q[0]) * static_cast<double>(q[1]) * static_cast<double>(q[2]);
  if (maps * static_cast<double>(std::max(k[2], v[3])) > static_cast<double>(most)) {
    throw ShapeError(
        fmt::format("attend: {} queries with {} keys and values of {} numbers make a table of over {} numbers, "
                    "more than anybody can look at; take fewer rows",
                    q[2], k[2], v[3], most));
  }
  return {q[0], q[1], k[1], q[2], k[2], q[3], v[3]};
}

void refuse_nonfinite(const std::string& where, const std::string& name, const Tensor& tensor) {
  const auto odd = std::ranges::find_if(tensor.values, [](double number) { return !std::isfinite(number); });
  if (odd == tensor.values.end()) return;
  std::vector<std::int64_t> place(tensor.shape.size());
  std::int64_t at = odd - tensor.values.begin();
  for (std::size_t axis = place.size(); axis-- > 0; at /= tensor.shape[axis]) place[axis] = at % tensor.shape[axis];
  throw DataError(fmt::format("{}: {} holds {} at ({}), from 0 on; numbers must be finite", where, name, *odd,
                              fmt::join(place, ", ")));
}

std::vector<std::uint8_t> mask_table(const Tensor& given, const AttendSizes& sizes) {
  std::vector<std::uint8_t> table;
  std::vector<std::int64_t> shape = given.shape;
  if (shape.size() < 4) shape.insert(shape.begin(), 4 - shape.size(), 1);
  const std::vector<std::int64_t> all = sizes.maps();
  for (std::size_t axis = 0; axis < 4; ++axis) {
    if (shape.size() == 4 && (shape[axis] == 1 || shape[axis] == all[axis])) continue;
    throw ShapeError(fmt::format("attend: the mask is {}; it must be ({}), or 1 where it is always the same",
                                 shape_text(given), fmt::join(all, ", ")));
  }
  std::vector<std::int64_t> strides(4);
  for (std::int64_t axis = 3, step = 1; axis >= 0; step *= shape[static_cast<std::size_t>(axis--)]) {
    const auto at = static_cast<std::size_t>(axis);
    strides[at] = shape[at] == 1 ? 0 : step;
  }
  for (std::int64_t b = 0; b < all[0]; ++b) {
    for (std::int64_t h = 0; h < all[1]; ++h) {
      for (std::int64_t q = 0; q < all[2]; ++q) {
        for (std::int64_t k = 0; k < all[3]; ++k) {
          const auto at = b * strides[0] + h * strides[1] + q * strides[2] + k * strides[3];
          table.push_back(given.values[static_cast<std::size_t>(at)] != 0 ? 1 : 0);
        }
      }
    }
  }
  return table;
}

Shape shape_of_parameter(const std::vector<std::int64_t>& s, StageKind kind) {
  if (s.size() == 3) return kind == StageKind::score ? Shape{s[1], s[2], s[0]} : Shape{s[2], s[1], s[0]};
  return s.size() == 2 ? Shape{s[1], s[0]} : Shape{s.empty() ? 1 : s[0]};
}

std::vector<std::int64_t> shape_in_file(const Shape& shape, StageKind kind) {
  if (shape.slices > 1 && kind == StageKind::score) return {shape.slices, shape.rows, shape.columns};
  if (shape.slices > 1) return {shape.slices, shape.columns, shape.rows};
  if (shape.columns > 1) return {shape.columns, shape.rows};
  return {shape.rows};
}

std::size_t place_in_parameter(std::size_t i, const Shape& shape, std::size_t axes, StageKind kind) {
  if (axes != 3 || kind != StageKind::score) return i;
  const auto at = static_cast<std::int64_t>(i);
  return static_cast<std::size_t>(
      shape.offset({at / shape.columns % shape.rows, at % shape.columns, at / (shape.rows * shape.columns)}));
}

void hide_masked(AttendResult& result, const AttendSizes& sizes) {
  const std::int64_t heads = result.scores.shape[1];
  result.log_sum_exp = Tensor{{sizes.examples, heads, sizes.queries}, {}};
  const std::int64_t map = sizes.queries * sizes.keys;
  for (std::int64_t row = 0; row < result.scores.size(); row += sizes.keys) {
    const std::int64_t example = row / (map * heads);
    const std::int64_t head = row / map % heads * sizes.heads / heads;
    const auto allowed = result.mask.values.begin() + map * (head + sizes.heads * example) + row % map;
    double largest = -std::numeric_limits<double>::infinity();
    for (std::int64_t k = 0; k < sizes.keys; ++k) {
      if (allowed[k] != 0) largest = std::max(largest, result.scores.values[static_cast<std::size_t>(row + k)]);
    }
    double sum = 0;
    for (std::int64_t k = 0; k < sizes.keys; ++k) {
      double& score = result.scores.values[static_cast<std::size_t>(row + k)];
      if (allowed[k] != 0) {
        sum += std::exp(score - largest);
      } else {
        score = std::numeric_limits<double>::quiet_NaN();
      }
    }
    result.log_sum_exp.values.push_back(sum > 0 ? largest + std::log(sum) : largest);
  }
}

void require_finite(const Tensor& tensor, const AttendSizes& sizes, const char* what, const char* across, bool single) {
  const std::int64_t columns = tensor.shape[3];
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    const double value = tensor.values[i];
    if (std::isfinite(value)) continue;
    const auto at = static_cast<std::int64_t>(i);
    std::string where;
    if (sizes.examples * sizes.heads > 1) {
      const std::int64_t map = at / (columns * sizes.queries);
      where = fmt::format(" of example {}, head {}", map / tensor.shape[1], map % tensor.shape[1]);
    }
    throw DataError(
        fmt::format("attend: the {} of query {} and {} {}{} is {}, beyond the largest number of {} "
                    "precision; take smaller numbers",
                    what, at / columns % sizes.queries, across, at % columns, where,
                    std::isnan(value) ? "not a number" : "infinite", single ? "single" : "double"));
  }
}

}  // namespace tapehead
