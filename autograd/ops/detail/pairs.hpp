#pragma once

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// The shape (K, Q, B) of a number for each pair of columns of key (D, K, B) and query (D, Q, B). Throws ShapeError if
/// they do not fit.
inline Shape shape_of_pairs(const char* op, const Shape& key, const Shape& query) {
  if (key.rows == query.rows && key.slices == query.slices) return {key.columns, query.columns, key.slices};
  throw ShapeError(fmt::format("{}: sizes disagree: key is {}, query is {}", op, to_string(key), to_string(query)));
}

/// Calls f(pair, key, query) for each pair of columns: its place in (K, Q, B), and where the two columns begin.
template <class F>
void for_each_pair(const Shape& key, const Shape& query, F f) {
  for (std::int64_t s = 0; s < key.slices; ++s) {
    for (std::int64_t q = 0; q < query.columns; ++q) {
      for (std::int64_t k = 0; k < key.columns; ++k) {
        f(k + key.columns * (q + query.columns * s), key.rows * (k + key.columns * s),
          query.rows * (q + query.columns * s));
      }
    }
  }
}

}  // namespace tapehead
