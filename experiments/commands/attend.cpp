#include "experiments/attend.hpp"

#include <fmt/format.h>

#include <cmath>
#include <ostream>

#include "experiments/commands/commands.hpp"
#include "experiments/heat_map.hpp"
#include "experiments/json.hpp"
#include "experiments/table.hpp"

namespace tapehead {
namespace {

std::string number_table(const Matrix& matrix, const char* row_name, const char* column_name) {
  std::vector<std::string> titles{""};
  for (std::int64_t c = 0; c < matrix.columns; ++c) titles.push_back(fmt::format("{} {}", column_name, c));
  Table table(std::move(titles));
  for (std::int64_t r = 0; r < matrix.rows; ++r) {
    std::vector<std::string> row{fmt::format("{} {}", row_name, r)};
    for (std::int64_t c = 0; c < matrix.columns; ++c) {
      row.push_back(std::isnan(matrix(r, c)) ? "-" : fmt::format("{:.6g}", matrix(r, c)));
    }
    table.add(std::move(row));
  }
  return table.text();
}

}  // namespace

int run_attend(const Invocation& invocation, Console& console) {
  const Settings& settings = invocation.settings;
  const Matrix query = read_matrix(settings.text("query"));
  const Matrix key = read_matrix(settings.text("key"));
  const Matrix value = settings.given("value") ? read_matrix(settings.text("value")) : key;
  const AttendResult result = attend(query, key, value, settings.text("scale"), settings.flag("causal"));

  if (settings.flag("json")) {
    const Json object{
        {"scores", to_json(result.scores)}, {"weights", to_json(result.weights)}, {"context", to_json(result.context)}};
    console.out << to_text(object) << '\n';
    return kDone;
  }
  console.out << "scores, scaled by " << settings.text("scale") << "\n"
              << number_table(result.scores, "query", "key") << "\nweights\n"
              << number_table(result.weights, "query", "key") << "\ncontext\n"
              << number_table(result.context, "query", "dim") << "\nweights: queries down, keys across\n"
              << draw_heat_map(result.weights, {}, heat_map_style(settings.text("color"), console.out_is_terminal));
  return kDone;
}

}  // namespace tapehead
