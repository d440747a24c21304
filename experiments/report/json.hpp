#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace tapehead {

struct Evaluation;
struct Result;
struct Matrix;

/// Keys keep the order in which they are set. Who builds or reads one includes <nlohmann/json.hpp>, which takes long to
/// compile.
using Json = nlohmann::ordered_json;

/// As text on one line, or indented by `indent` spaces a level. What is not UTF-8 (a folder's name may be anything) is
/// shown as U+FFFD; what acts unseen on a terminal is escaped, C1 controls and marks of direction too, which JSON would
/// leave as they are.
std::string to_text(const Json& json, int indent = -1);

/// Nested lists, a row a list. What is no finite number becomes null.
Json to_json(const Matrix& matrix);

/// Results by their names. What is no finite number becomes null.
Json to_json(const std::vector<Result>& results);
Json to_json(const Evaluation& evaluation);

}  // namespace tapehead
