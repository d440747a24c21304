#pragma once

#include <string>

#include "experiments/analysis/matrix.hpp"

namespace tapehead {

/// Scaled dot-product attention of one head over given vectors. Rows are positions; in the results, queries.
struct AttendResult {
  Matrix scores;   ///< (Q, K), scaled; NaN where the mask hides a key
  Matrix weights;  ///< (Q, K)
  Matrix context;  ///< (Q, Dv)
};

/// Runs query (Q, D), key (K, D) and value (K, Dv) through the tape in double. `scale` as in attention_scale(), where
/// d_model is unknown. Throws ShapeError where sizes disagree or make tables of over two million numbers, ConfigError
/// for such a scale and DataError for a score that overflows.
AttendResult attend(const Matrix& query, const Matrix& key, const Matrix& value, const std::string& scale, bool causal);

}  // namespace tapehead
