#pragma once

#include <cstdint>
#include <string>

namespace tapehead {

/// The three axes of a value, column-major: element (r, c, s) stands at r + rows·(c + columns·s). For activations they
/// are (channels, positions, batch); a weight is (in, out, 1), a bias (out, 1, 1), a scalar (1, 1, 1).
struct Shape {
  std::int64_t rows = 1;
  std::int64_t columns = 1;
  std::int64_t slices = 1;

  constexpr std::int64_t size() const { return rows * columns * slices; }
  /// Columns over all slices: a whole batch seen as one matrix (rows, points).
  constexpr std::int64_t points() const { return columns * slices; }
  constexpr bool is_scalar() const { return size() == 1; }

  struct Index {
    std::int64_t row, column, slice;
  };
  /// Which element stands at `at`, and where an element stands.
  constexpr Index index(std::int64_t at) const { return {at % rows, at / rows % columns, at / (rows * columns)}; }
  constexpr std::int64_t offset(Index i) const { return i.row + rows * (i.column + columns * i.slice); }

  constexpr bool operator==(const Shape&) const = default;
};

/// "(3, 5)", or "(3, 5, 2)" when there is more than one slice.
std::string to_string(const Shape& shape);

}  // namespace tapehead
