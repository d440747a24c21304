#include "experiments/report/json.hpp"

#include <fmt/format.h>
#include <utf8.h>
#include <nlohmann/json.hpp>

#include "autograd/base/text.hpp"
#include "experiments/analysis/matrix.hpp"
#include "trainers/metrics/result.hpp"

namespace tapehead {

std::string to_text(const Json& json, int indent) {
  const std::string text = json.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
  std::string shown;
  for (auto at = text.cbegin(); at != text.cend();) {
    const auto begin = at;
    const auto c = static_cast<char32_t>(utf8::next(at, text.cend()));
    // Within strings, that is: outside of them the only one is the line break between indented lines.
    if (acts_unseen(c) && c != U'\n') {
      shown += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c));
    } else {
      shown.append(begin, at);
    }
  }
  return shown;
}

Json to_json(const Matrix& matrix) {
  Json rows = Json::array();
  for (std::int64_t r = 0; r < matrix.rows; ++r) {
    Json row = Json::array();
    for (std::int64_t c = 0; c < matrix.columns; ++c) row.push_back(matrix(r, c));  // dumps null for NaN and infinity
    rows.push_back(std::move(row));
  }
  return rows;
}

Json to_json(const Evaluation& evaluation) { return to_json(evaluation.results); }

Json to_json(const std::vector<Result>& results) {
  Json object = Json::object();
  for (const Result& result : results) {
    object[result.name] = result.counts() ? Json(static_cast<std::int64_t>(result.value)) : Json(result.value);
  }
  return object;
}

}  // namespace tapehead
