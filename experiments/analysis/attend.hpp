#pragma once

#include <string>

#include "experiments/analysis/matrix.hpp"
#include "layers/attention/stage_choices.hpp"

namespace tapehead {

/// Attention of one head over given vectors. Rows are positions; in the results, queries.
struct AttendResult {
  Matrix scores;   ///< (Q, K), scaled; NaN where the mask hides a key
  Matrix weights;  ///< (Q, K)
  Matrix context;  ///< (Q, Dv)
};

/// How attention is computed, in the words of the options of a model.
struct AttendOptions {
  std::string scale = "inv_sqrt_dk";  ///< see attention_scale(), where d_model is unknown
  StageChoices stages = {};           ///< what they learn is as training would begin with it
  bool causal = false;
};

/// Runs query (Q, D), key (K, D) and value (K, Dv) through the tape in double. Throws ShapeError where sizes disagree
/// or make tables of over two million numbers, ConfigError for such a scale and DataError for a score that overflows.
AttendResult attend(const Matrix& query, const Matrix& key, const Matrix& value, const AttendOptions& options);

}  // namespace tapehead
