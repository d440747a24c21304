#include "datasets/pairs.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/base/lines.hpp"
#include "datasets/tokenizer.hpp"

namespace tapehead {
namespace {

std::vector<std::string> read_lines(const std::string& path) {
  InputFile file(path);
  LineReader reader(file);
  std::vector<std::string> lines;
  for (std::string_view line; reader.next(line);) lines.emplace_back(line);
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
