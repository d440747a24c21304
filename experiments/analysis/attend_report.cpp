#include "experiments/analysis/attend_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

#include "experiments/report/figures.hpp"
#include "experiments/report/json.hpp"
#include "experiments/report/table.hpp"
#include "experiments/report/text_width.hpp"

namespace tapehead {
namespace {

constexpr std::int64_t kRowsShown = 20;
constexpr std::int64_t kMapShown = 64;  // queries and keys of a map, at most

// Some of many rows or columns: the first ones, and after a gap the last.
struct Shown {
  std::int64_t first = 0, all = 0;

  bool gap() const { return first < all; }
  std::vector<std::int64_t> numbers() const {
    std::vector<std::int64_t> each(static_cast<std::size_t>(first));
    for (std::int64_t i = 0; i < first; ++i) each[static_cast<std::size_t>(i)] = i;
    if (gap()) each.push_back(all - 1);
    return each;
  }
};

// At most `most` of them, the gap counted.
Shown some_of(std::int64_t all, std::int64_t most) {
  return {.first = all <= most ? all : std::max<std::int64_t>(1, most - 2), .all = all};
}

std::string number_text(double number, int digits) {
  if (std::isnan(number)) return "-";
  if (std::isinf(number)) return number < 0 ? "-∞" : "∞";
  return std::abs(number) < 1e6 ? figure(number, digits) : fmt::format("{:.{}e}", number, digits);
}

struct Names {
  const char* one;
  const char* many;
};

constexpr Names kQueries{"query", "queries"};
constexpr Names kKeys{"key", "keys"};
constexpr Names kDims{"dim", "dims"};
constexpr Names kNumbers{"number", "numbers"};

// What lies in the gap: "queries 3 to 8".
std::string gap_text(Names names, const Shown& shown) {
  return shown.all - shown.first == 2 ? fmt::format("{} {}", names.one, shown.first)
                                      : fmt::format("{} {} to {}", names.many, shown.first, shown.all - 2);
}

// What stands at one side of a table: numbered, or names of its own.
struct Side {
  Names names;
  const std::vector<std::string>& own;

  std::string label(std::int64_t i) const {
    return own.empty() ? fmt::format("{} {}", names.one, i) : own[static_cast<std::size_t>(i)];
  }
};

// As many columns as fit into a line, and not too many rows; a line says what is missing.
std::string number_table(const Matrix& matrix, const Side& row_side, const Side& column_side, int digits,
                         std::size_t width) {
  const Shown rows = some_of(matrix.rows, kRowsShown);
  std::size_t label = 0;
  for (const std::int64_t r : rows.numbers()) label = std::max(label, text_width(row_side.label(r)));
  std::size_t cell = 0;
  for (std::int64_t c = 0; c < matrix.columns; ++c) cell = std::max(cell, text_width(column_side.label(c)));
  for (const std::int64_t r : rows.numbers()) {
    for (std::int64_t c = 0; c < matrix.columns; ++c) cell = std::max(cell, number_text(matrix(r, c), digits).size());
  }
  const std::size_t room = width > label ? (width - label) / (cell + 2) : 0;
  const Shown columns = some_of(matrix.columns, static_cast<std::int64_t>(std::max<std::size_t>(room, 2)));

  const auto row_of = [&](std::string begin, const auto& text) {
    std::vector<std::string> row{std::move(begin)};
    for (const std::int64_t c : columns.numbers()) {
      if (columns.gap() && c == matrix.columns - 1) row.emplace_back("…");
      row.push_back(text(c));
    }
    return row;
  };
  Table table(row_of("", [&](std::int64_t c) { return column_side.label(c); }));
  for (const std::int64_t r : rows.numbers()) {
    if (rows.gap() && r == matrix.rows - 1) table.add(row_of("…", [](std::int64_t) { return std::string("…"); }));
    table.add(row_of(row_side.label(r), [&](std::int64_t c) { return number_text(matrix(r, c), digits); }));
  }
  std::string text = table.text();
  std::string missing;
  if (rows.gap()) missing = gap_text(row_side.names, rows);
  if (columns.gap()) missing += (missing.empty() ? "" : " and ") + gap_text(column_side.names, columns);
  if (!missing.empty()) text += wrapped(fmt::format("(not shown: {}; --json has all)", missing), width) + "\n";
  return text;
}

Matrix corner_of(const Matrix& map) {
  Matrix corner(std::min(map.rows, kMapShown), std::min(map.columns, kMapShown));
  for (std::int64_t r = 0; r < corner.rows; ++r) {
    for (std::int64_t c = 0; c < corner.columns; ++c) corner(r, c) = map(r, c);
  }
  return corner;
}

// What the corner leaves out: "the first 64 of 100 queries and 12 of 12 keys"; empty if it is the whole.
std::string cut_text(const Matrix& map) {
  if (map.rows <= kMapShown && map.columns <= kMapShown) return {};
  return fmt::format("the first {} of {} queries and {} of {} keys", std::min(map.rows, kMapShown), map.rows,
                     std::min(map.columns, kMapShown), map.columns);
}

// The first of some names: as many as the corner of a map has.
std::vector<std::string> first_of(const std::vector<std::string>& names, std::int64_t count) {
  return {names.begin(), names.begin() + std::min<std::int64_t>(count, std::ssize(names))};
}

HeatMapLabels labels_of(const Matrix& corner, const AttendView& view) {
  return {first_of(view.queries, corner.rows), first_of(view.keys, corner.columns)};
}

// The corner of a large map.
std::string map_of(const Matrix& map, const AttendView& view, bool mask) {
  const Matrix corner = corner_of(map);
  HeatMapLabels labels = labels_of(corner, view);
  if (mask) labels = mask_labels(corner, std::move(labels));
  std::string text = draw_heat_map(corner, labels, view.style, view.width);
  if (const std::string cut = cut_text(map); !cut.empty())
    text += wrapped("(" + cut + "; --json has all)", view.width) + "\n";
  return text;
}

std::int64_t maps_of(const AttendResult& result) { return result.mask.shape[0] * result.mask.shape[1]; }

bool hides_anything(const AttendResult& result) { return std::ranges::count(result.mask.values, 0.0) > 0; }

std::vector<std::int64_t> heads_of(const AttendResult& result, const AttendView& view) {
  if (view.head >= 0) return {view.head};
  std::vector<std::int64_t> heads;
  for (std::int64_t h = 0; h < result.mask.shape[1]; ++h) heads.push_back(h);
  return heads;
}

std::string title_of(const AttendResult& result, const AttendView& view, std::int64_t head) {
  return maps_of(result) > 1 ? fmt::format("example {}, head {}", view.example, head) : std::string();
}

std::string text_of_head(const AttendResult& result, const AttendView& view, std::int64_t head) {
  const auto of = [&](const Tensor& tensor) { return matrix_of(tensor, view.example, head); };
  const Side queries{kQueries, view.queries};
  const Side keys{kKeys, view.keys};
  std::string text;
  if (const std::string title = title_of(result, view, head); !title.empty()) text += title + "\n\n";
  if (view.mask) text += "mask: queries down, keys across\n" + map_of(of(result.mask), view, true) + "\n";
  const std::string scores =
      fmt::format("{}{}", view.scores, hides_anything(result) ? "; - is hidden by the mask" : "");
  const std::vector<std::string> log_sum_exp{"log-sum-exp"};
  const std::int64_t parts = result.scores.shape[1] / result.weights.shape[1];
  for (std::int64_t part = 0; part < parts; ++part) {
    const auto of_part = [&](const Tensor& tensor) { return matrix_of(tensor, view.example, head * parts + part); };
    const std::string which = parts > 1 ? fmt::format(", part {} of {}", part + 1, parts) : "";
    text += wrapped(scores + which, view.width) + "\n" +
            number_table(of_part(result.scores), queries, keys, view.digits, view.width);
    if (view.log_sum_exp) {
      text += "\nlog Σ exp of the scores" + which + "\n" +
              number_table(of_part(result.log_sum_exp), queries, {kNumbers, log_sum_exp}, view.digits, view.width);
    }
    if (part + 1 < parts) text += "\n";
  }
  text += "\nweights\n" + number_table(of(result.weights), queries, keys, view.digits, view.width);
  text += "\ncontext\n" + number_table(of(result.context), queries, {kDims, view.dims}, view.digits, view.width);
  return text + "\nweights: queries down, keys across\n" + map_of(of(result.weights), view, false);
}

// (B, H, …) as nested lists.
Json nested(const Tensor& tensor, std::size_t axis, std::size_t& at) {
  Json list = Json::array();
  for (std::int64_t i = 0; i < tensor.shape[axis]; ++i) {
    if (axis + 1 < tensor.shape.size()) {
      list.push_back(nested(tensor, axis + 1, at));
    } else {
      const double value = tensor.values[at++];
      list.push_back(std::isfinite(value) ? Json(value) : Json());
    }
  }
  return list;
}

// Of one head alone its own matrix, as people wrote theirs.
Json json_of(const Tensor& tensor, bool single) {
  std::size_t at = 0;
  Json all = nested(tensor, 0, at);
  return single && tensor.shape.size() > 2 && tensor.shape[1] == 1 ? all[0][0] : all;
}

}  // namespace

std::string attend_text(const AttendResult& result, const AttendView& view) {
  std::string text;
  for (const std::int64_t head : heads_of(result, view)) {
    text += (text.empty() ? "" : "\n") + text_of_head(result, view, head);
  }
  return text;
}

std::string untrained_text(const AttendResult& result) {
  std::string text;
  for (const auto& [option, choice, parameters, start, drawn] : result.untrained) {
    const std::string of = parameters == std::vector{option} ? "" : fmt::format("{} of ", fmt::join(parameters, ", "));
    text += fmt::format("{}{}{} {} {} {}", text.empty() ? "untrained: " : "; ", of, option, choice,
                        parameters.size() == 1 ? "is" : "are", start);
  }
  return text.empty() ? text : text + "; --input FILE may give others";
}

std::string attend_json(const AttendResult& result, const AttendView& view) {
  const bool single = maps_of(result) == 1;
  Json object = Json::object();
  if (!view.queries.empty()) object["queries"] = view.queries;
  if (!view.keys.empty()) object["keys"] = view.keys;
  object["scores"] = json_of(result.scores, single);
  object["weights"] = json_of(result.weights, single);
  object["context"] = json_of(result.context, single);
  object["log_sum_exp"] = json_of(result.log_sum_exp, single);
  if (view.mask) object["mask"] = json_of(result.mask, single);
  for (const auto& [name, gradient] : result.gradients) {
    object["grads"][name] = json_of(gradient, single && gradient.shape.size() == 4);
  }
  for (const auto& [option, choice, parameters, start, drawn] : result.untrained) {
    object["untrained"].push_back(
        {{"option", option}, {"choice", choice}, {"parameters", parameters}, {"start", start}, {"drawn", drawn}});
  }
  if (hides_anything(result)) object["note"] = "a score that is null is hidden by the mask";
  return to_text(object) + "\n";
}

std::string attend_svg(const AttendResult& result, const AttendView& view) {
  std::vector<HeatMapPanel> panels;
  for (const std::int64_t head : heads_of(result, view)) {
    const std::string title = title_of(result, view, head);
    const auto panel = [&](const char* what, const Tensor& tensor) {
      const Matrix whole = matrix_of(tensor, view.example, head);
      const Matrix corner = corner_of(whole);
      const std::string cut = cut_text(whole);
      return HeatMapPanel{.title = (title.empty() ? what : title + ": " + what) + (cut.empty() ? "" : ", " + cut),
                          .weights = corner,
                          .labels = labels_of(corner, view),
                          .rows_are = "queries",
                          .columns_are = "keys"};
    };
    if (view.mask) {
      panels.push_back(panel("mask", result.mask));
      panels.back().labels = mask_labels(panels.back().weights, panels.back().labels);
    }
    panels.push_back(panel("weights", result.weights));
  }
  return heat_map_svg(panels);
}

}  // namespace tapehead
