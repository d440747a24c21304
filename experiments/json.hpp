#pragma once

#include <nlohmann/json.hpp>

#include "experiments/matrix.hpp"
#include "trainers/evaluation.hpp"

namespace tapehead {

/// Keys keep the order in which they are set.
using Json = nlohmann::ordered_json;

/// Nested lists, a row a list. What is no finite number becomes null.
Json to_json(const Matrix& matrix);

/// `loss`, `perplexity`, `token_accuracy`, `exact_match`, `sequences`, `tokens`.
Json to_json(const Evaluation& evaluation);

}  // namespace tapehead
