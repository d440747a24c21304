#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "autograd/ops/detail/masked_cases.hpp"
#include "autograd/ops/detail/recurrence.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

/// The cases and refusals that ops over a sequence share. `call(in, options)` is the op on a RecurrenceInputs<T>; a
/// head has `gate_width(D)` gates, which are inputs of their own: 0 none, −1 as many as D.
template <class Call>
OpSpec recurrence_spec(const std::string& name, std::int64_t gate_width, Call call) {
  const auto gates_of = [gate_width](std::int64_t width) { return gate_width < 0 ? width : gate_width; };
  const auto apart = [call](const RecurrenceOptions& options) {
    return [call, options](auto x) {
      using T = std::remove_cvref_t<decltype(*x[0].data())>;
      using Block = RowBlock<T>;
      RecurrenceInputs<T> in{Block::all(x[0]), Block::all(x[1]), Block::all(x[2])};
      if (x.size() > 3) in.gate = Block::all(x[3]);
      return call(in, options);
    };
  };
  // Value, gate, key and query as row blocks of one variable, with some rows left over.
  const auto joined = [call, gates_of](std::int64_t rows, std::int64_t value_rows, std::int64_t width,
                                       const RecurrenceOptions& options) {
    const std::int64_t gate_rows = options.heads * gates_of(width);
    return [=](auto x) {
      using T = std::remove_cvref_t<decltype(*x[0].data())>;
      RecurrenceInputs<T> in{
          {x[0], value_rows + gate_rows + rows, rows}, {x[0], value_rows + gate_rows, rows}, {x[0], 0, value_rows}};
      if (gate_rows > 0) in.gate = {x[0], value_rows, gate_rows};
      return call(in, options);
    };
  };
  const auto inputs = [gates_of](std::int64_t heads, std::int64_t width, std::int64_t value_width,
                                 std::int64_t positions, std::int64_t slices) {
    const auto input = [&](const char* label, std::int64_t each) {
      return InputSpec{.shape = {heads * each, positions, slices}, .low = -1.5, .high = 1.5, .name = label};
    };
    std::vector<InputSpec> all{input("query", width), input("key", width), input("value", value_width)};
    if (gates_of(width) > 0) all.push_back(input("gate", gates_of(width)));
    return all;
  };
  const auto shapes = [&](std::initializer_list<Shape> given, const Shape& gate) {
    std::vector<Shape> all(given);
    if (gate_width != 0) all.push_back(gate);
    return all;
  };
  const std::int32_t* const lengths = ragged_lengths();
  const std::int64_t gates = gates_of(2);
  const InputSpec one{.shape = {2 * (3 + gates + 2 + 2) + 1, 6, 3}, .low = -1.5, .high = 1.5, .name = "joined"};
  return {.name = name,
          .cases =
              {
                  {"T1", inputs(1, 2, 1, 1, 1), apart({})},
                  {"D2_Dv3_H2_T5_B2", inputs(2, 2, 3, 5, 2), apart({.heads = 2})},
                  {"backwards", inputs(2, 2, 3, 5, 2), apart({.heads = 2, .backwards = true})},
                  {"ragged", inputs(2, 2, 2, 6, 3), apart({.heads = 2, .lengths = lengths})},
                  {"ragged_backwards", inputs(1, 2, 3, 6, 3), apart({.lengths = lengths, .backwards = true})},
                  {"joined_with_rows_left_over", {one}, joined(4, 6, 2, {.heads = 2, .lengths = lengths})},
                  {"of_one_variable",
                   {{.shape = {2 * (2 + gates + 2 + 2), 4, 2}, .low = -1.5, .high = 1.5}},
                   joined(4, 4, 2, {.heads = 2})},
                  {"in_chunks_T67", inputs(1, 2, 3, 67, 1), apart({})},
                  {"in_chunks_backwards_T40", inputs(2, 2, 1, 40, 2), apart({.heads = 2, .backwards = true})},
                  {"D17_Dv18", inputs(1, 17, 18, 3, 1), apart({})},
                  {"D67", inputs(1, 67, 2, 3, 1), apart({})},
                  {"Dv67", inputs(1, 2, 67, 3, 1), apart({})},
                  {"H5_B6", inputs(5, 2, 1, 3, 6), apart({.heads = 5})},
              },
          .refusals = {
              {"heads", shapes({{5, 2}, {5, 2}, {4, 2}}, {5, 2}), apart({.heads = 2}),
               name + ": 2 heads do not divide the 5 rows of (5, 2)"},
              {"no_heads", shapes({{4, 2}, {4, 2}, {4, 2}}, {4, 2}), apart({.heads = 0}),
               name + ": heads must be at least 1, not 0"},
              {"key", shapes({{4, 2}, {6, 2}, {4, 2}}, {4, 2}), apart({}),
               name + ": key is (6, 2), and query (4, 2) needs (4, 2)"},
              {"value", shapes({{4, 2}, {4, 2}, {4, 3}}, {4, 2}), apart({}),
               name + ": value is (4, 3), and query (4, 2) needs (4, 2)"},
          }};
}

}  // namespace tapehead
