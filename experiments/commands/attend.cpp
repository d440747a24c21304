#include "experiments/analysis/attend.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <ostream>

#include "experiments/options/conditions.hpp"
#include "experiments/options/run_config.hpp"
#include "experiments/program/command.hpp"
#include "experiments/report/heat_map.hpp"
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
  return std::abs(number) < 1e6 ? fmt::format("{:.{}f}", number, digits) : fmt::format("{:.{}e}", number, digits);
}

struct Names {
  const char* one;
  const char* many;
};

constexpr Names kQueries{"query", "queries"};
constexpr Names kKeys{"key", "keys"};
constexpr Names kDims{"dim", "dims"};

// What lies in the gap: "queries 3 to 8".
std::string gap_text(Names names, const Shown& shown) {
  return shown.all - shown.first == 2 ? fmt::format("{} {}", names.one, shown.first)
                                      : fmt::format("{} {} to {}", names.many, shown.first, shown.all - 2);
}

// As many columns as fit into a line, and not too many rows; a line says what is missing.
std::string number_table(const Matrix& matrix, Names row_names, Names column_names, int digits, std::size_t width) {
  const Shown rows = some_of(matrix.rows, kRowsShown);
  const std::size_t label = fmt::format("{} {}", row_names.one, matrix.rows - 1).size();
  std::size_t cell = fmt::format("{} {}", column_names.one, matrix.columns - 1).size();
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
  Table table(row_of("", [&](std::int64_t c) { return fmt::format("{} {}", column_names.one, c); }));
  for (const std::int64_t r : rows.numbers()) {
    if (rows.gap() && r == matrix.rows - 1) table.add(row_of("…", [](std::int64_t) { return std::string("…"); }));
    table.add(row_of(fmt::format("{} {}", row_names.one, r),
                     [&](std::int64_t c) { return number_text(matrix(r, c), digits); }));
  }
  std::string text = table.text();
  std::string missing;
  if (rows.gap()) missing = gap_text(row_names, rows);
  if (columns.gap()) missing += (missing.empty() ? "" : " and ") + gap_text(column_names, columns);
  if (!missing.empty()) text += wrapped(fmt::format("(not shown: {}; --json has all)", missing), width) + "\n";
  return text;
}

// The corner of a large map.
std::string map_of(const Matrix& weights, HeatMapStyle style, std::size_t width) {
  Matrix corner(std::min(weights.rows, kMapShown), std::min(weights.columns, kMapShown));
  for (std::int64_t r = 0; r < corner.rows; ++r) {
    for (std::int64_t c = 0; c < corner.columns; ++c) corner(r, c) = weights(r, c);
  }
  std::string text = draw_heat_map(corner, {}, style, width);
  if (corner.rows < weights.rows || corner.columns < weights.columns) {
    text += wrapped(fmt::format("(the first {} of {} queries and {} of {} keys; --json has all)", corner.rows,
                                weights.rows, corner.columns, weights.columns),
                    width) +
            "\n";
  }
  return text;
}

Json as_json(const AttendResult& result, bool causal) {
  Json object{
      {"scores", to_json(result.scores)}, {"weights", to_json(result.weights)}, {"context", to_json(result.context)}};
  if (causal) object["note"] = "a score that is null is hidden by the causal mask";
  return object;
}

int run_attend(const Invocation& invocation, Console& console) {
  const Settings& settings = invocation.settings;
  refuse_useless_options(settings);
  const Matrix query = read_matrix(settings.text("query"));
  const Matrix key = read_matrix(settings.text("key"));
  const Matrix value = settings.given("value") ? read_matrix(settings.text("value")) : key;
  const bool causal = settings.flag("causal");
  AttendOptions options{.scale = settings.text("scale"), .causal = causal};
  for (const Field<StageChoices>& field : StageChoices::fields()) read_field(field, options.stages, settings);
  const AttendResult result = attend(query, key, value, options);

  if (settings.flag("json")) {
    console.out << to_text(as_json(result, causal)) << '\n';
    return kDone;
  }
  const int digits = static_cast<int>(settings.integer("digits"));
  const std::size_t width = console.width;
  const std::string scores =
      fmt::format("scores, scaled by {}{}", settings.text("scale"), causal ? "; - is hidden by the mask" : "");
  console.out << wrapped(scores, width) << "\n"
              << number_table(result.scores, kQueries, kKeys, digits, width) << "\nweights\n"
              << number_table(result.weights, kQueries, kKeys, digits, width) << "\ncontext\n"
              << number_table(result.context, kQueries, kDims, digits, width)
              << "\nweights: queries down, keys across\n"
              << map_of(result.weights, heat_map_style(settings.text("color"), console.out_is_terminal), width);
  return kDone;
}

}  // namespace

Command command_attend() {
  return {
      .name = "attend",
      .subject = "",
      .summary = "Scores, weights and context vectors of given queries, keys and values",
      .example = "tapehead attend --query q.csv --key k.csv --scale none",
      .options =
          {{.name = "query", .kind = OptionKind::path, .help = "queries: numbers, one vector a line", .common = true},
           {.name = "key", .kind = OptionKind::path, .help = "keys, as wide as the queries", .common = true},
           {.name = "value",
            .kind = OptionKind::path,
            .help = "values, as many as the keys; by default the keys",
            .common = true},
           {"scale"},
           {"score"},
           {"score-cap"},
           {"normalizer"},
           {"top-keys"},
           {.name = "causal", .kind = OptionKind::flag, .help = "query i attends to keys 0 to i only", .common = true},
           {.name = "digits",
            .kind = OptionKind::integer,
            .fallback = "3",
            .range = {0, 17},
            .help = "decimals of the numbers shown",
            .when = "--json has all",
            .common = true,
            .applies_when = {off("json")}},
           {"color"},
           {"json"}},
      .required = {"query", "key"},
      .run = run_attend,
      .memory_advice = "give fewer queries and keys"};
}

}  // namespace tapehead
