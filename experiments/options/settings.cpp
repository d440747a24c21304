#include "experiments/options/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <sstream>
#include <utility>

#include "autograd/base/errors.hpp"
#include "autograd/base/lines.hpp"
#include "autograd/base/suggest.hpp"
#include "datasets/readers/pair_name.hpp"
#include "experiments/options/conditions.hpp"

namespace tapehead {
namespace {

namespace fs = std::filesystem;

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view without_comment(std::string_view line) {
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') quoted = !quoted;
    const bool begins = i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t';
    if (line[i] == '#' && begins && !quoted) return line.substr(0, i);
  }
  return line;
}

std::string replaced(std::string_view text, std::string_view what, std::string_view by) {
  std::string all(text);
  for (std::size_t at = 0; (at = all.find(what, at)) != std::string::npos; at += by.size()) {
    all.replace(at, what.size(), by);
  }
  return all;
}

// A quote within quotes stands twice, so that comments are still told by counting quotes.
std::string unquoted(std::string_view value) {
  const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
  return quoted ? replaced(value.substr(1, value.size() - 2), "\"\"", "\"") : std::string(value);
}

std::string quoted_if_needed(const std::string& value) {
  const bool plain = value == trimmed(value) && value.find_first_of("#\"") == std::string::npos;
  return plain ? value : fmt::format("\"{}\"", replaced(value, "\"", "\"\""));
}

// The file that the system would open: `..` behind a link leads to where the link's target is, so it is taken away with
// the name before it only where that is a folder itself.
std::string absolute_path(std::string_view path, const std::string& folder) {
  if (path.empty()) return "";
  fs::path made;
  for (const fs::path& part : fs::absolute(fs::path(folder) / path)) {
    std::error_code error;
    const bool back = part == ".." && made.has_filename() && made.filename() != ".." &&
                      fs::is_directory(fs::symlink_status(made, error));
    if (back) {
      made = made.parent_path();
    } else if (part != "." && !part.empty()) {
      made /= part;
    }
  }
  return made.string();
}

bool is_path(const OptionSpec& option) {
  return option.kind == OptionKind::path || option.kind == OptionKind::pair_files;
}

// A path, or both files of `a,b`, made absolute, so that a configuration means the same wherever it is read.
std::string absolute_paths(const OptionSpec& option, std::string_view paths, const std::string& folder) {
  if (option.kind == OptionKind::path) return absolute_path(paths, folder);
  const PairName name = parse_pair_name(std::string(paths), folder);
  if (!name.two_files) return absolute_path(name.source, folder);
  return absolute_path(name.source, folder) + "," + absolute_path(name.target, folder);
}

// Pairs are in one file, or a side in each of two.
void refuse_many_names(const std::string& paths, std::string_view where) {
  if (std::ranges::count(paths, ',') < 2 || file_exists(paths)) return;
  const PairName name = parse_pair_name(paths);
  if (name.two_files && file_exists(name.source) && file_exists(name.target)) return;
  throw ConfigError(fmt::format(
      "{}: {} is no file, and names more than two; pairs are in one tab-separated file, or in two parallel files A,B",
      where, paths));
}

const OptionSpec& require_config_option(std::string_view name, const std::string& place) {
  const OptionSpec* option = find_option(name);
  if (option != nullptr && is_run_option(*option)) return *option;
  if (option != nullptr) throw ConfigError(fmt::format("{}: {} belongs on the command line only", place, name));
  std::vector<std::string_view> names;
  for (const OptionSpec& known : option_table()) {
    if (is_run_option(known)) names.push_back(known.name);
  }
  throw ConfigError(fmt::format("{}: there is no option \"{}\"{}", place, name, did_you_mean(name, names)));
}

}  // namespace

Settings::Settings() {
  for (const OptionSpec& option : option_table()) {
    settings_.push_back({std::string(option.fallback), Origin::fallback, "--" + std::string(option.name), {}});
    settings_.back().by_origin[0] = option.fallback;
  }
}

void Settings::set(const OptionSpec& option, std::string_view value, Origin origin, std::string_view where) {
  std::string canonical;
  try {
    canonical = canonical_value(option, value);
  } catch (const ConfigError& error) {
    throw ConfigError(fmt::format("{}: {}", where, error.what()));
  }
  Setting& setting = at(option.name);
  setting.by_origin[static_cast<std::size_t>(origin)] = canonical;
  if (origin < setting.origin) return;
  if (option.kind == OptionKind::pair_files && origin == Origin::command_line) refuse_many_names(canonical, where);
  if (is_run_option(option) && is_path(option)) canonical = absolute_paths(option, canonical, {});
  if (option.repeatable && setting.origin == origin) canonical = setting.text + "\n" + canonical;
  setting.text = std::move(canonical);
  setting.origin = origin;
  setting.where = where;
}

const std::string& Settings::text_as_of(std::string_view name, Origin origin) const {
  const Setting& setting = at(name);
  for (std::size_t weaker = static_cast<std::size_t>(origin) + 1; weaker-- > 0;) {
    if (setting.by_origin[weaker]) return *setting.by_origin[weaker];
  }
  return setting.text;  // it followed from other options
}

void Settings::set(std::string_view name, std::string_view value) {
  set(option_table()[option_index(name)], value, Origin::command_line, fmt::format("--{}", name));
}

void Settings::read_config(std::string_view text, Origin origin, const std::string& where, const std::string& folder) {
  std::vector<std::int64_t> first_line(settings_.size(), 0);
  TextSource source(text, where);
  LineReader reader(source, {.content = LineContent::raw});
  for (std::string_view whole; reader.next(whole);) {
    const std::string_view line = trimmed(without_comment(whole));
    if (line.empty()) continue;

    const std::string place = reader.place();
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) throw ConfigError(fmt::format("{}: expected `name = value`", place));
    const std::string_view name = trimmed(line.substr(0, equals));
    const OptionSpec& option = require_config_option(name, place);
    std::int64_t& first = first_line[option_index(option.name)];
    if (first != 0) throw ConfigError(fmt::format("{}: {} is set twice, first in line {}", place, name, first));
    first = reader.number();
    std::string value = unquoted(trimmed(line.substr(equals + 1)));
    if (is_path(option)) value = absolute_paths(option, value, folder);
    set(option, value, origin, fmt::format("{}: {}", place, name));
  }
}

void Settings::read_config_file(const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  const bool of_a_run = fs::path(path).filename() == "config.cfg" && file_exists((folder / "metrics.csv").string());
  read_config(read_file(path), of_a_run ? Origin::saved : Origin::file, path, folder.string());
}

void Settings::resolve(std::string_view name, std::string_view value) { at(name).text = value; }

void Settings::resolve_if_zero(std::string_view name, std::int64_t value) {
  if (integer(name) == 0) resolve(name, canonical_text(value));
}

void Settings::resolve_because_of(std::string_view name, std::string_view value, std::string_view cause) {
  const Setting& from = at(cause);
  at(name) = {std::string(value), from.origin, from.where};
}

void Settings::drop(std::string_view name) {
  at(name) = {std::string(find_option(name)->fallback), Origin::fallback, fmt::format("--{}", name)};
}

bool Settings::has_any(Origin origin) const {
  return std::ranges::any_of(
      settings_, [&](const Setting& each) { return each.by_origin[static_cast<std::size_t>(origin)].has_value(); });
}

std::vector<std::string> Settings::list(std::string_view name) const {
  std::vector<std::string> values;
  std::istringstream lines(at(name).text);
  for (std::string line; std::getline(lines, line);) values.push_back(line);
  return values;
}

std::string Settings::config_text() const {
  std::string lines;
  for (const OptionSpec& option : option_table()) {
    if (!is_written(option) || !applies(*this, option)) continue;
    lines += fmt::format("{} = {}\n", option.name, quoted_if_needed(text(option.name)));
  }
  return lines;
}

}  // namespace tapehead
