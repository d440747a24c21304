#pragma once

#include <complex>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "autograd/masks/mask.hpp"
#include "autograd/ops/distance_bias.hpp"
#include "autograd/tape.hpp"
#include "layers/attention/stage_choices.hpp"
#include "layers/scalar_function.hpp"
#include "layers/scope.hpp"

namespace tapehead {

struct HeadSizes {
  std::int64_t heads = 1;
  std::int64_t key_width = 1;    ///< D, of queries and keys
  std::int64_t value_width = 1;  ///< Dv
  std::int64_t key_heads = 0;    ///< G, of keys and values, each for H / G heads of queries; 0: as many as heads

  std::int64_t of_keys() const { return key_heads > 0 ? key_heads : heads; }
};

/// What a stage is given on the tape. Slice h + H·b of (…, H·B) is head h of example b.
template <Scalar T>
struct StageInput {
  HeadSizes sizes;
  const Mask& mask;
  std::span<const Var<T>> parameters;  ///< its own, in the order in which it declared them
  Var<T> query, key;                   ///< (H·D, Q, B) and (H·D, K, B), or split: (D, Q, H·B) and (D, K, H·B)
  StageNumbers numbers = {};
  double scale = 1;
  bool both_ways = true;                      ///< whether a query may see keys behind it
  const std::int32_t* first_query = nullptr;  ///< where query 0 of each example stands among the keys; nullptr: at 0
  Var<T> scores = {};                         ///< (K, Q, H·B); what a mixing makes weights of, once there are any
  Var<T> of_keys = {};                        ///< (H, K, B), a number for each key: see KeyPart
  Var<T> context = {};                        ///< (H·Dv, Q, B)

  /// Of queries and keys, split or not: what their heads are does not matter to it.
  DistanceRange distances() const {
    const std::int64_t examples = query.shape().slices;
    const std::int64_t split = query.shape().rows == sizes.key_width ? sizes.heads : 1;
    return DistanceRange::of(key.shape().columns, query.shape().columns, first_query, examples / split);
  }
};

using StageFunction = ScalarFunction<StageInput>;

/// A stage in plain loops, for tests: one query of one head. Numbers are dual ones, as everywhere in plain models.
struct PlainStage {
  using Number = std::complex<double>;
  HeadSizes sizes = {};
  std::int64_t head = 0, query_position = 0;
  std::vector<const Number*> parameters = {};  ///< its own, column by column
  std::vector<Number> query = {};              ///< (D)
  std::vector<std::vector<Number>> keys = {};  ///< (D) each
  std::vector<bool> allowed = {};              ///< of each key
  std::vector<Number> of_keys = {};            ///< see KeyPart
  StageNumbers numbers = {};
  double scale = 1;
  bool both_ways = true;

  /// Those of the keys that may be attended, the largest score first; of equal ones the earlier.
  std::vector<std::size_t> by_score(const std::vector<Number>& scores) const;
  /// Softmax over the keys that may be attended, beside one more score if there is a sink; zero elsewhere.
  std::vector<Number> softmax(std::vector<Number> scores, const Number* sink = nullptr) const;
};

/// A number that a stage wants of each key and head beside the keys themselves: a layer projects it of what it makes
/// keys of. Parameters `<name>.weight` (C, H) and `<name>.bias` (H).
struct KeyPart {
  const char* name = nullptr;  ///< nullptr: it wants none
  double first_bias = 0;       ///< what the bias starts at
};

/// One way of doing a stage, as data: a file layers/attention/stages/KIND_NAME.cpp, and a line in the list `stages` of
/// layers/CMakeLists.txt. Every attention, model and command can then take it, and its gradients and values are
/// checked.
struct StageSpec {
  StageKind kind = StageKind::score;
  std::string name = {};
  std::string description = {};           ///< a phrase for people
  std::string source = {};                ///< where it was published
  std::vector<std::string> symbols = {};  ///< what equations call its parameters, in the order of declare(): see attend

  bool scaled = true;        ///< whether a score is multiplied by the scale
  bool of_products = false;  ///< a bias that belongs to the dot product of query and key, and to no other score

  KeyPart of_keys = {};    ///< of a bias of self-attention
  std::int64_t parts = 1;  ///< of a mixing: how many heads of scores each head has; it cuts queries and keys in so many

  /// A bias that goes by distance: its line (L, H) for in.distances(), see distance_bias(). The tiled kernel takes it.
  /// It needs no `apply`.
  StageFunction line = {};
  /// A normalizer that is softmax beside one more score: zero, or its first parameter (H). The tiled kernel takes it.
  enum class Sink { none, zero, learned };
  Sink sink = Sink::none;

  /// Declares its parameters; none by default. Sizes are those of the heads of scores, but for mixing and gate.
  std::vector<Parameter> (*declare)(const Scope& scope, const HeadSizes& sizes, const StageNumbers& numbers) = nullptr;

  /// A score that is the dot product of other vectors: what query and key, whole, become. The fast kernels take it
  /// then.
  StageFunction query = {}, key = {};
  /// Of a mixing: scores (K, Q, H·parts·B) before the bias, of scores. Empty: they stay.
  StageFunction before = {};
  /// (K, Q, H·B): of a score that is none, from split query and key; of a bias or a normalizer, from scores; of a
  /// mixing, from weights, whose place is that of the scores. (H·Dv, Q, B) of a gate, from the context.
  StageFunction apply = {};

  /// The same of one query, from scores (or a context) before this stage. Required, but for a mixing.
  std::vector<PlainStage::Number> (*plain)(const PlainStage& in, std::vector<PlainStage::Number> scores) = nullptr;
  /// The same for a mixing, of one query in all heads: `after` is of weights.
  using PlainHeads = std::vector<std::vector<PlainStage::Number>>;
  PlainHeads (*plain_heads)(const PlainStage& in, bool after, PlainHeads heads) = nullptr;
};

/// What somebody chose of this kind.
std::string& choice_of(StageChoices& choices, StageKind kind);

/// Every stage that is built. Generated from the list: one without a spec does not link.
const std::vector<StageSpec>& stage_specs();

/// "score", "bias", "mixing", "normalizer" or "gate".
const char* name_of(StageKind kind);
/// The option that people choose it by.
const char* option_of(StageKind kind);
/// Throws ConfigError "score: "x" is none of dot, cosine".
const StageSpec& find_stage(StageKind kind, const std::string& name);
/// The same, nullptr for "none" of a kind that can be left out.
const StageSpec* chosen_stage(StageKind kind, const std::string& name);
/// Names of a kind, the first one first, with a space between.
std::string stage_names(StageKind kind);

}  // namespace tapehead
