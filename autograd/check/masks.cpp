#include <fmt/format.h>

#include <algorithm>

#include "autograd/check/context.hpp"

namespace tapehead {
namespace {

// Rows of a variable that hold keys or values.
struct KeyRows {
  const Variable& variable;
  std::int64_t first, last;
};

std::vector<KeyRows> key_rows(const Problem& problem) {
  std::vector<KeyRows> found;
  for (const Variable& variable : problem.variables()) {
    for (const RowPart& part : variable.parts) {
      if (part.name == "key" || part.name == "value") found.push_back({variable, part.first, part.first + part.rows});
    }
  }
  return found;
}

class MaskCheck {
 public:
  explicit MaskCheck(CheckContext& context)
      : context_(context), rule_(context.problem.attention), out_(context.output_shape) {}

  // What the forward pass lets through: tangents of outputs along one key.
  void check_forward(const KeyRows& keys) {
    Oracles oracles(context_.problem, context_.cotangent);
    const Shape& shape = keys.variable.shape;
    for (std::int64_t slice = 0; slice < shape.slices; ++slice) {
      for (std::int64_t key = 0; key < shape.columns; ++key) {
        const std::int64_t first = keys.variable.offset + keys.first + shape.rows * (key + shape.columns * slice);
        const auto& tangents = oracles.tangents(context_.direction(Drawn::masked_keys, first, keys.last - keys.first));
        for (std::int64_t o = 0; o < out_.size(); ++o) {
          const double tangent = tangents[static_cast<std::size_t>(o)];
          if (tangent == 0 || allowed(o, key, slice)) continue;
          return report(keys, key, slice, o, fmt::format("the output moves by {:.3g}", tangent));
        }
      }
    }
  }

  // What the backward pass lets through: gradients of keys for one query's output.
  void check_backward(const KeyRows& keys) {
    const Shape& shape = keys.variable.shape;
    for (std::int64_t column = 0; column < out_.columns * out_.slices; ++column) {
      std::vector<double> only(context_.cotangent.size(), 0.0);
      std::copy_n(context_.cotangent.begin() + column * out_.rows, out_.rows, only.begin() + column * out_.rows);
      const std::vector<double> gradient = context_.evaluator.gradient(only);
      for (std::int64_t point = 0; point < shape.columns * shape.slices; ++point) {
        const std::int64_t key = point % shape.columns;
        const std::int64_t slice = point / shape.columns;
        if (allowed(column * out_.rows, key, slice)) continue;
        for (std::int64_t row = keys.first; row < keys.last; ++row) {
          const double found = gradient[static_cast<std::size_t>(keys.variable.offset + row + shape.rows * point)];
          if (found == 0) continue;
          return report(keys, key, slice, column * out_.rows, fmt::format("a gradient of {:.3g} reaches it", found),
                        row);
        }
      }
    }
  }

 private:
  bool allowed(std::int64_t output, std::int64_t key, std::int64_t slice) const {
    const Shape::Index y = out_.index(output);
    return y.slice == slice && rule_.may_attend(y.column, key, slice);
  }

  void report(const KeyRows& keys, std::int64_t key, std::int64_t slice, std::int64_t output, const std::string& what,
              std::int64_t row = -1) {
    const std::int64_t element = keys.variable.shape.offset({row < 0 ? keys.first : row, key, slice});
    const Shape::Index y = out_.index(output);
    context_.add("mask", Diagnosis::leaks_through_mask, keys.variable, element,
                 fmt::format("{}, though the mask forbids (head {}, query {}, key {}) of slice {}", what,
                             y.row / std::max<std::int64_t>(1, out_.rows / rule_.heads), y.column, key, y.slice));
  }

  CheckContext& context_;
  const AttentionRule& rule_;
  Shape out_;
};

}  // namespace

void check_masks(CheckContext& context) {
  if (!context.problem.attention.may_attend) return;
  MaskCheck check(context);
  const std::vector<KeyRows> rows = key_rows(context.problem);
  if (rows.empty()) {
    context.add(Finding{
        .check = "mask", .text = "no part of an input is called key or value: no mask was checked", .variable = {}});
  }
  for (const KeyRows& keys : rows) {
    if (context.problem.function().takes<std::complex<double>>()) check.check_forward(keys);
    check.check_backward(keys);
  }
}

}  // namespace tapehead
