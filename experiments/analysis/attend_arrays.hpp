#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "autograd/shape.hpp"
#include "experiments/analysis/attend.hpp"
#include "layers/attention/stage.hpp"

// The arrays of attend(): what sizes they have, how files lay parameters out, and what is made of results.

namespace tapehead {

struct AttendSizes {
  std::int64_t examples, heads, key_heads, queries, keys, width, value_width;

  std::vector<std::int64_t> maps() const { return {examples, heads, queries, keys}; }
};

/// Throws ShapeError where arrays disagree or make tables of over `most` numbers.
AttendSizes attend_sizes(const AttendInput& in, std::int64_t most);

/// Throws DataError, with the place, for a number that is not finite; the message begins with `where`.
void refuse_nonfinite(const std::string& where, const std::string& name, const Tensor& tensor);

/// A mask (B, H, Q, K), whose axes may be 1 or missing where it is always the same, in full. Throws ShapeError.
std::vector<std::uint8_t> mask_table(const Tensor& given, const AttendSizes& sizes);

/// Row by row as files have it is column by column with the axes turned round. But a matrix of each head, which scores
/// have, is (heads, in, out) there and (in, out, heads) here.
Shape shape_of_parameter(const std::vector<std::int64_t>& in_file, StageKind kind);
std::vector<std::int64_t> shape_in_file(const Shape& shape, StageKind kind);
/// Where element i of a file with so many axes stands in a value.
std::size_t place_in_parameter(std::size_t i, const Shape& shape, std::size_t axes, StageKind kind);

/// Makes NaN of scores that the mask hides, and log_sum_exp of the others. Parts of a head have the mask of the head.
void hide_masked(AttendResult& result, const AttendSizes& sizes);

/// Throws DataError for a number that is not finite: vectors that are may have products that are not, whose weights
/// would mean nothing.
void require_finite(const Tensor& tensor, const AttendSizes& sizes, const char* what, const char* across, bool single);

}  // namespace tapehead
