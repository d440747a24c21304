#include "datasets/pairs.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "autograd/base/errors.hpp"
#include "datasets/tokenizer.hpp"

namespace tapehead {
namespace {

constexpr std::size_t kLongestLine = std::size_t{1} << 20U;

// As std::getline, but of a line without an end no more is read than a line may have.
bool get_line(std::istream& in, std::string& line) {
  line.clear();
  std::streambuf& bytes = *in.rdbuf();
  for (int c = bytes.sbumpc(); c != std::char_traits<char>::eof(); c = bytes.sbumpc()) {
    if (c == '\n') return true;
    line += static_cast<char>(c);
    if (line.size() > kLongestLine) return true;
  }
  return !line.empty();
}

std::vector<std::string> read_lines(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) throw DataError(fmt::format("{}: is a folder, not a file", path));
  std::ifstream in(path, std::ios::binary);
  if (!in) throw DataError(fmt::format("{}: cannot be opened; check the name and the permissions", path));
  std::vector<std::string> lines;
  for (std::string line; get_line(in, line);) {
    if (line.size() > kLongestLine) {
      throw DataError(fmt::format("{}:{}: the line is longer than {} bytes; is this text, a sentence a line?", path,
                                  lines.size() + 1, kLongestLine));
    }
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (lines.empty() && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);
    if (!is_utf8(line))
      throw DataError(fmt::format("{}:{}: not valid UTF-8; convert the file", path, lines.size() + 1));
    lines.push_back(std::move(line));
  }
  if (lines.empty()) throw DataError(fmt::format("{}: the file is empty", path));
  return lines;
}

void add_pair(PairFile& file, const std::string& path, std::size_t line, std::string_view source,
              std::string_view target) {
  WordPair pair{tokenize(source), tokenize(target)};
  if (!pair.source.empty() && !pair.target.empty()) {
    file.pairs.push_back(std::move(pair));
    return;
  }
  ++file.bad_lines;
  if (file.first_bad_lines.size() < kNamedLines) file.first_bad_lines.push_back(fmt::format("{}:{}", path, line));
}

}  // namespace

PairFile read_pairs(const std::string& name) {
  PairFile file;
  if (const std::size_t comma = name.find(','); comma != std::string::npos) {
    const std::string left = name.substr(0, comma);
    const std::string right = name.substr(comma + 1);
    const std::vector<std::string> sources = read_lines(left);
    const std::vector<std::string> targets = read_lines(right);
    if (sources.size() != targets.size()) {
      throw DataError(fmt::format("{} has {} lines and {} has {}; parallel files need equally many", left,
                                  sources.size(), right, targets.size()));
    }
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (!sources[i].empty() || !targets[i].empty()) add_pair(file, left, i + 1, sources[i], targets[i]);
    }
  } else {
    const std::vector<std::string> lines = read_lines(name);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const std::string_view line = lines[i];
      if (line.empty()) continue;
      const std::size_t tab = line.find('\t');
      const std::string_view rest = tab == std::string_view::npos ? std::string_view{} : line.substr(tab + 1);
      add_pair(file, name, i + 1, line.substr(0, tab), rest.substr(0, rest.find('\t')));
    }
  }
  if (file.pairs.empty()) {
    throw DataError(fmt::format("{}: no line holds a pair; expected source<TAB>target", name));
  }
  if (file.bad_lines > std::ssize(file.pairs)) {
    throw DataError(
        fmt::format("{}: {} lines hold a pair and {} do not, the first of them {}; expected source<TAB>target", name,
                    file.pairs.size(), file.bad_lines, fmt::join(file.first_bad_lines, ", ")));
  }
  return file;
}

}  // namespace tapehead
