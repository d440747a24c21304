#include "datasets/readers/columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

constexpr std::int64_t kMostColumns = 1000;

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::int64_t parse_column(std::string_view text) {
  std::int64_t column = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), column);
  if (error != std::errc() || end != text.data() + text.size() || column < 1 || column > kMostColumns) {
    throw ConfigError(fmt::format("{} is no column; they are counted from 1 to {}", text, kMostColumns));
  }
  return column;
}

}  // namespace

Columns parse_columns(const std::string& text) {
  if (text.empty()) return {};
  const std::size_t comma = text.find(',');
  const std::string source = text.substr(0, comma);
  const std::string target = comma == std::string::npos ? "" : text.substr(comma + 1);
  if (source.empty() || target.empty() || target.find(',') != std::string::npos) {
    throw ConfigError(fmt::format("\"{}\" is not two columns, such as 1,2 or english,bulgarian", text));
  }
  if (source == target) throw ConfigError(fmt::format("{} is source and target both", source));
  if (is_number(source) != is_number(target)) {
    throw ConfigError(fmt::format("\"{}\" is a number and a name; give two of a kind", text));
  }
  if (!is_number(source)) return {.chosen = true, .source_name = source, .target_name = target};
  const Columns columns{.source = parse_column(source), .target = parse_column(target), .chosen = true};
  if (columns.source == columns.target) throw ConfigError(fmt::format("{} is source and target both", source));
  return columns;
}

std::string_view field(std::string_view line, std::int64_t column) {
  for (; column > 1; --column) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos) return {};
    line.remove_prefix(tab + 1);
  }
  return line.substr(0, line.find('\t'));
}

std::int64_t count_columns(std::string_view line) {
  while (line.ends_with('\t')) line.remove_suffix(1);
  return std::ranges::count(line, '\t') + 1;
}

std::int64_t find_column(std::string_view titles, const std::string& name) {
  const std::int64_t count = count_columns(titles);
  for (std::int64_t column = 1; column <= count; ++column) {
    if (field(titles, column) == name) return column;
  }
  return 0;
}

}  // namespace tapehead
