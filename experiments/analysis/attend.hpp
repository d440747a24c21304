#pragma once

#include <string>

#include "experiments/analysis/matrix.hpp"
#include "layers/attention/mask_text.hpp"
#include "layers/attention/rotary_choices.hpp"
#include "layers/attention/stage_choices.hpp"
#include "trainers/tensor_file.hpp"

namespace tapehead {

/// What attention is computed of. Fewer heads of keys and values than of queries are shared: query head h reads head
/// h / (H / Hk).
struct AttendInput {
  Tensor query, key, value;  ///< (B, H, Q, D), (B, Hk, K, D), (B, Hk, K, Dv)
  /// What else there is by name: `mask` (B, H, Q, K), an axis 1 or missing where it is always the same, not zero where
  /// a query may attend; `scale` (H), a learned one; parameters of the stages by their symbols (see StageSpec), which
  /// otherwise are as training would begin with them; and `upstream/context`, `upstream/weights`, for which gradients
  /// are computed.
  Tensors others = {};
  std::string where = "attend";  ///< what messages about its numbers begin with: the file that they come from

  static AttendInput of(const Matrix& query, const Matrix& key, const Matrix& value);
};

/// How attention is computed, in the words of the options of a model.
struct AttendOptions {
  std::string scale = "inv_sqrt_dk";  ///< see attention_scale(), where d_model is unknown
  StageChoices stages = {};
  RotaryChoices rotary = {};  ///< of as many positions as there are, where `turned`
  bool turned = false;        ///< queries and keys by their positions
  std::string mask = {};      ///< see MaskText
  bool single_precision = false;
  std::uint64_t seed = 1;  ///< what is drawn follows from it
};

/// What a stage learns and the input does not give: it has the values that training would begin with.
struct Untrained {
  std::string option, choice;           ///< the stage, as people choose it: "score", "additive"
  std::vector<std::string> parameters;  ///< by their symbols
  std::string start;                    ///< "drawn with seed 1", "0", "the identity"
  bool drawn = false;
};

struct AttendResult {
  Tensor mask;  ///< (B, H, Q, K): 1 where a query may attend, else 0
  Tensor
      scores;  ///< (B, H, Q, K), or for each part of a head, with scale, cap and bias; NaN where the mask hides a key
  Tensor weights;      ///< (B, H, Q, K)
  Tensor log_sum_exp;  ///< (B, H, Q), or likewise, of the scores that are not hidden; −∞ where all are
  Tensor context;      ///< (B, H, Q, Dv)
  Tensors gradients;   ///< of Σ upstream ∘ result, by every input's name; empty without an upstream
  std::vector<Untrained> untrained = {};
};

/// Runs all of it through the tape. Throws ShapeError where sizes disagree or make tables of over `most` numbers,
/// ConfigError for what does not exist or does not go together, and DataError for a score that overflows.
AttendResult attend(const AttendInput& input, const AttendOptions& options, std::int64_t most = 2'000'000);

/// Head h of example b of a (B, H, R, C), or (B, H, R): a column.
Matrix matrix_of(const Tensor& tensor, std::int64_t b = 0, std::int64_t h = 0);

}  // namespace tapehead
