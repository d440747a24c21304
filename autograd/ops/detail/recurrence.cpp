#include "autograd/ops/detail/recurrence.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/ops/detail/heads.hpp"

namespace tapehead {

template <Scalar T>
RecurrencePlan plan_recurrence(const char* op, const RecurrenceInputs<T>& in, const RecurrenceOptions& options,
                               std::int64_t gate_width) {
  const auto shape_of = [op](const char* name, const RowBlock<T>& block) {
    const Shape whole = block.x.shape();
    if (block.first_row < 0 || block.rows < 1 || block.rows > whole.rows - block.first_row) {
      throw ShapeError(
          fmt::format("{}: {} is {} rows from {} on, of {}", op, name, block.rows, block.first_row, to_string(whole)));
    }
    return Shape{block.rows, whole.columns, whole.slices};
  };
  const Shape query = shape_of("query", in.query);
  const Shape key = shape_of("key", in.key);
  const Shape value = shape_of("value", in.value);
  require_heads_divide(op, options.heads, query.rows, "rows", query);
  require_heads_divide(op, options.heads, value.rows, "rows", value);
  const auto require = [&](const char* name, const Shape& shape, std::int64_t rows) {
    const Shape needed{rows, query.columns, query.slices};
    if (shape == needed) return;
    throw ShapeError(fmt::format("{}: {} is {}, and query {} needs {}", op, name, to_string(shape), to_string(query),
                                 to_string(needed)));
  };
  require("key", key, query.rows);
  require("value", value, value.rows);
  if (gate_width > 0) require("gate", shape_of("gate", in.gate), options.heads * gate_width);
  return {.heads = options.heads,
          .width = query.rows / options.heads,
          .value_width = value.rows / options.heads,
          .gate_width = gate_width,
          .positions = query.columns,
          .slices = query.slices,
          .lengths = options.lengths,
          .backwards = options.backwards};
}

template RecurrencePlan plan_recurrence(const char*, const RecurrenceInputs<float>&, const RecurrenceOptions&,
                                        std::int64_t);
template RecurrencePlan plan_recurrence(const char*, const RecurrenceInputs<double>&, const RecurrenceOptions&,
                                        std::int64_t);
template RecurrencePlan plan_recurrence(const char*, const RecurrenceInputs<std::complex<double>>&,
                                        const RecurrenceOptions&, std::int64_t);

}  // namespace tapehead
