#include "tests/experiments/output_lint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <regex>
#include <set>
#include <sstream>

#include "experiments/report/text_width.hpp"

namespace tapehead {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string trimmed(const std::string& line) {
  const std::size_t first = line.find_first_not_of(' ');
  return first == std::string::npos ? "" : line.substr(first, line.find_last_not_of(' ') + 1 - first);
}

void check_counts(const std::string& line, std::vector<std::string>& found) {
  static const std::regex one(R"((^|[^\d.,=/:-])1 ([a-z]+s)\b)");
  static const std::set<std::string> not_plural{"loss", "is", "has", "needs", "bias", "class", "was", "takes", "does"};
  for (std::sregex_iterator it(line.begin(), line.end(), one), end; it != end; ++it) {
    if (!not_plural.contains((*it)[2]) && !(*it)[2].str().ends_with("ss"))
      found.push_back(fmt::format("\"1 {}\" in: {}", (*it)[2].str(), line));
  }
  static const std::regex many(
      R"((^|[^\d.,=/:-])(0|[2-9]|[1-9]\d+) (case|refusal|sequence|thread|step|word|pair|line|token|position|parameter|shard|round|run|number|symbol|derivative)\b)");
  for (std::sregex_iterator it(line.begin(), line.end(), many), end; it != end; ++it) {
    found.push_back(fmt::format("\"{} {}\" in: {}", (*it)[2].str(), (*it)[3].str(), line));
  }
}

void check_library_words(const std::string& line, std::vector<std::string>& found) {
  for (const char* word : {"std::", "terminate called", "basic_string", "vector::_M", "json.exception", "boost",
                           "HDF5-DIAG", "H5F", "H5D", "errno", "stoi", "what()", "filesystem error", "Assertion",
                           "nlohmann", "iostream", "bad_alloc", "basic_ios", "__cxx11"}) {
    if (line.find(word) != std::string::npos)
      found.push_back(fmt::format("a library speaks (\"{}\") in: {}", word, line));
  }
}

// Where a line has two blanks or more, from the first behind its indentation; past its end it is all blank.
std::set<std::size_t> gaps(const std::string& line, std::size_t longest) {
  std::set<std::size_t> places;
  std::string blanks;  // one character a column of the terminal
  for (const std::string_view character : characters(line)) {
    blanks.append(std::max<std::size_t>(1, text_width(character)), character == " " ? ' ' : 'x');
  }
  blanks.resize(std::max(blanks.size(), longest + 2), ' ');
  for (std::size_t i = 0; i + 1 < blanks.size(); ++i) {
    if (blanks[i] == ' ' && blanks[i + 1] == ' ') places.insert(i);
  }
  return places;
}

bool has_gap(const std::string& line) { return trimmed(line).find("  ") != std::string::npos; }

// A map: shades between the labels and an edge.
bool is_map(const std::string& line) { return line.ends_with("|") || line.find("#%@") != std::string::npos; }

// Lines in a row that have gaps must have one in common, or they are no table.
void check_columns(const std::vector<std::string>& lines, std::vector<std::string>& found) {
  for (std::size_t first = 0; first < lines.size();) {
    if (!has_gap(lines[first]) || is_map(lines[first])) {
      ++first;
      continue;
    }
    std::size_t last = first;
    std::size_t longest = 0;
    while (last < lines.size() && has_gap(lines[last]) && !is_map(lines[last])) {
      longest = std::max(longest, text_width(lines[last++]));
    }
    const bool heads_a_map = last < lines.size() && is_map(lines[last]);
    std::set<std::size_t> common = gaps(lines[first], longest);
    for (std::size_t i = first; i < last; ++i) {
      const std::set<std::size_t> here = gaps(lines[i], longest);
      std::erase_if(common, [&](std::size_t place) { return !here.contains(place); });
    }
    // It must lie within each of them: the end of a line and its indentation are no gaps.
    const auto within = [&](const std::string& line) {
      return std::ranges::any_of(common, [&](std::size_t place) {
        return line.find_first_not_of(' ') < place && text_width(line) > place + 2;
      });
    };
    const auto begin = lines.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = lines.begin() + static_cast<std::ptrdiff_t>(last);
    if (!heads_a_map && !std::all_of(begin, end, within)) found.push_back("no columns in: " + lines[first]);
    first = last;
  }
}

void check_line(const std::string& line, std::vector<std::string>& found) {
  if (line.ends_with(' ')) found.push_back("a space at the end of: " + line);
  if (line.find('\t') != std::string::npos) found.push_back("a tab in: " + line);
  if (line.find('\r') != std::string::npos) found.push_back("a carriage return in: " + line);
  if (line.find("�") != std::string::npos) found.push_back("a broken character in: " + line);
  check_counts(line, found);
  check_library_words(line, found);
}

}  // namespace

std::vector<std::string> lint(const std::string& output, std::size_t width, bool results) {
  std::vector<std::string> found;
  if (output.empty()) return found;
  if (!output.ends_with('\n')) found.push_back("the last line does not end");
  if (output.starts_with("\n")) found.push_back("a blank line first");
  if (output.ends_with("\n\n")) found.push_back("a blank line last");
  if (output.find("\n\n\n") != std::string::npos) found.push_back("two blank lines");
  const std::vector<std::string> lines = lines_of(output);
  for (const std::string& line : lines) {
    check_line(line, found);
    // A path or a command is not broken; it has a line of its own.
    if (text_width(line) > width && trimmed(line).find(' ') != std::string::npos) {
      found.push_back(fmt::format("{} characters, not {}: {}", text_width(line), width, line));
    }
  }
  if (results) check_columns(lines, found);
  return found;
}

std::vector<std::string> lint_refusal(const std::string& line) {
  std::vector<std::string> found;
  check_line(line, found);
  const std::string_view begin = "tapehead: ";
  if (!line.starts_with(begin)) return {"does not begin with the program's name: " + line};
  const std::string text = line.substr(begin.size());
  if (text.find("  ") != std::string::npos) found.push_back("doubled spaces in: " + line);
  if (text.empty()) return {"says nothing"};
  const bool name = text.size() > 1 && std::isupper(static_cast<unsigned char>(text[1])) != 0;
  if (std::isupper(static_cast<unsigned char>(text.front())) != 0 && !name)
    found.push_back("begins with a capital: " + line);
  if (std::string_view(".!,;: ").find(text.back()) != std::string_view::npos) {
    found.push_back(fmt::format("ends in \"{}\": {}", text.back(), line));
  }
  return found;
}

std::vector<std::string> lost_words(const std::string& wide, const std::string& narrow) {
  if (narrow.find("…") != std::string::npos || narrow.find("left out") != std::string::npos ||
      narrow.find("not shown") != std::string::npos) {
    return {};
  }
  static const std::regex word(R"([A-Za-z]{3,})");
  std::set<std::string> kept;
  for (std::sregex_iterator it(narrow.begin(), narrow.end(), word), end; it != end; ++it) kept.insert(it->str());
  std::vector<std::string> lost;
  for (std::sregex_iterator it(wide.begin(), wide.end(), word), end; it != end; ++it) {
    if (!kept.contains(it->str())) lost.push_back("lost: " + it->str());
  }
  return lost;
}

std::string without_escapes(const std::string& text) {
  return std::regex_replace(text, std::regex("\x1b\\[[0-9;]*[A-Za-z]"), "");
}

}  // namespace tapehead
