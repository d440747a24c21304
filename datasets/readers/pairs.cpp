#include "datasets/readers/pairs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/file.hpp"
#include "autograd/base/lines.hpp"
#include "datasets/readers/pair_name.hpp"
#include "datasets/vocabularies/tokenizer.hpp"

namespace tapehead {
namespace {

constexpr const char* kFaultTexts[kLineFaults] = {"without a tab", "without a source", "without a target",
                                                  "of more than three columns"};

void count(LineCount& kind, const LineReader& reader) {
  if (kind.lines++ == 0) kind.first = reader.place();
}

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Of which columns of three nearly every line holds a number: then they are likely to be identifiers.
struct NumberColumns {
  std::array<std::int64_t, 3> numbers = {};
  std::int64_t lines = 0;

  void add(std::string_view line) {
    ++lines;
    for (std::size_t c = 0; c < numbers.size(); ++c) {
      numbers[c] += is_number(field(line, static_cast<std::int64_t>(c) + 1)) ? 1 : 0;
    }
  }
  // One line of titles may stand above the numbers.
  bool holds(std::size_t column) const { return lines > 0 && numbers[column] >= (lines > 2 ? lines - 1 : lines); }
};

// Whether the first line is titles: words above a column of numbers.
struct TitleWatch {
  std::array<bool, 8> words_above = {}, numbers_below = {};
  std::int64_t lines = 0;

  void add(std::string_view line) {
    for (std::size_t c = 0; c < words_above.size(); ++c) {
      const std::string_view cell = field(line, static_cast<std::int64_t>(c) + 1);
      if (lines == 0) words_above[c] = !is_blank(cell) && !is_number(cell);
      numbers_below[c] = lines == 0 || (numbers_below[c] && is_number(cell));
    }
    ++lines;
  }
  bool found() const {
    bool any = false;
    for (std::size_t c = 0; c < words_above.size(); ++c) any |= words_above[c] && numbers_below[c];
    return any && lines > 1;
  }
};

class PairReader {
 public:
  PairReader(PairFileReport& report, const TakePair& take) : report_(report), take_(take) {}

  void read_one_file(const std::string& path, Columns columns) {
    InputFile file(path);
    LineReader reader(file);
    NumberColumns numbers;
    TitleWatch watch;
    std::string first;
    const bool by_number = columns.chosen && columns.source_name.empty();
    for (std::string_view line; reader.next(line);) {
      if (by_number && !is_blank(line)) watch.add(line);
      if (by_number && reader.number() == 1) first = line;
      if (!columns.source_name.empty() && reader.number() == 1) {
        choose_by_titles(columns, line, path);
      } else if (is_blank(line)) {
        ++blank_;
      } else {
        take_line(line, columns, reader, numbers);
      }
    }
    require_lines(reader, path);
    if (watch.found()) {
      report_.titles = fmt::format("{},{}", field(first, columns.source), field(first, columns.target));
    }
    if (columns.chosen || !(numbers.holds(0) || numbers.holds(1)) || numbers.holds(2)) return;
    throw DataError(
        fmt::format("{}: column {} holds numbers alone, and there is a third column: which two are the pair? "
                    "Choose them with --columns, such as --columns 2,3",
                    path, numbers.holds(0) ? 1 : 2));
  }

  void read_two_files(const std::string& source_path, const std::string& target_path) {
    InputFile source_file(source_path);
    InputFile target_file(target_path);
    LineReader sources(source_file);
    LineReader targets(target_file);
    std::string_view source;
    std::string_view target;
    while (true) {
      const bool more_source = sources.next(source);
      const bool more_target = targets.next(target);
      if (!more_source && !more_target) break;
      if (more_source != more_target) refuse_lengths(sources, targets, source_path, target_path);
      if (is_blank(source) && is_blank(target)) {
        ++blank_;
      } else {
        take_pair(source, target, sources);
      }
    }
    require_lines(sources, source_path);
  }

 private:
  static void require_lines(const LineReader& reader, const std::string& path) {
    if (reader.number() == 0) throw DataError(fmt::format("{}: the file is empty", path));
  }

  [[noreturn]] static void refuse_lengths(LineReader& a, LineReader& b, const std::string& a_path,
                                          const std::string& b_path) {
    for (std::string_view line; a.next(line);) continue;
    for (std::string_view line; b.next(line);) continue;
    throw DataError(fmt::format("parallel files need equally many lines, but {} has {} and {} has {}", a_path,
                                a.number(), b_path, b.number()));
  }

  static void choose_by_titles(Columns& columns, std::string_view titles, const std::string& path) {
    const auto find = [&](const std::string& name) {
      if (const std::int64_t column = find_column(titles, name); column > 0) return column;
      throw DataError(
          fmt::format("{}:1: --columns names \"{}\", and no column of the first line is called that", path, name));
    };
    columns.source = find(columns.source_name);
    columns.target = find(columns.target_name);
  }

  void take_line(std::string_view line, const Columns& columns, const LineReader& reader, NumberColumns& numbers) {
    pass_blank();
    if (line.find('\t') == std::string_view::npos) return add_fault(LineFault::no_tab, reader);
    const std::int64_t count_here = columns.chosen ? 0 : count_columns(line);
    if (count_here > 3) return add_fault(LineFault::too_many_columns, reader);
    if (take_pair(field(line, columns.source), field(line, columns.target), reader) && count_here == 3) {
      count(report_.third_column, reader);
      numbers.add(line);
    }
  }

  bool take_pair(std::string_view source, std::string_view target, const LineReader& reader) {
    pass_blank();
    if (is_blank(source)) return add_fault(LineFault::no_source, reader), false;
    if (is_blank(target)) return add_fault(LineFault::no_target, reader), false;
    ++report_.pairs;
    take_(source, target, reader.number());
    return true;
  }

  void add_fault(LineFault fault, const LineReader& reader) {
    count(report_.faults[static_cast<std::size_t>(fault)], reader);
  }

  // Blank lines count once something stands behind them.
  void pass_blank() {
    report_.blank_lines += blank_;
    blank_ = 0;
  }

  PairFileReport& report_;
  const TakePair& take_;
  std::int64_t blank_ = 0;
};

std::string advice_for(const PairFileReport& report, const Columns& columns) {
  if (!columns.source_name.empty()) {
    return fmt::format("--columns chose {} and {}", columns.source_name, columns.target_name);
  }
  if (columns.chosen) return fmt::format("--columns chose {} and {}", columns.source, columns.target);
  const std::int64_t wide = report.faults[static_cast<std::size_t>(LineFault::too_many_columns)].lines;
  if (2 * wide > report.bad_lines()) return "choose the two that are the pair with --columns, such as --columns 2,4";
  return "expected source<TAB>target";
}

void require_pairs(const PairFileReport& report, const Columns& columns) {
  const std::int64_t bad = report.bad_lines();
  if (report.pairs >= std::max<std::int64_t>(bad, 1)) return;
  const std::string pairs = report.pairs == 0
                                ? "no line holds a pair"
                                : fmt::format("{} {} a pair and {} {} not", counted(report.pairs, "line"),
                                              report.pairs == 1 ? "holds" : "hold", bad, bad == 1 ? "does" : "do");
  const std::string faults = bad == 0 ? "" : ": " + report.faults_text();
  throw DataError(fmt::format("{}: {}{}; {}", report.name, pairs, faults, advice_for(report, columns)));
}

}  // namespace

std::int64_t PairFileReport::bad_lines() const {
  std::int64_t lines = 0;
  for (const LineCount& kind : faults) lines += kind.lines;
  return lines;
}

std::string PairFileReport::faults_text() const {
  std::string text;
  for (std::size_t i = 0; i < faults.size(); ++i) {
    if (faults[i].lines == 0) continue;
    fmt::format_to(std::back_inserter(text), "{}{} {} ({})", text.empty() ? "" : ", ", faults[i].lines, kFaultTexts[i],
                   faults[i].first);
  }
  return text;
}

PairFileReport read_pairs(const std::string& name, const Columns& columns, const TakePair& take) {
  const PairName names = parse_pair_name(name);
  PairFileReport report{.name = name, .path = names.source, .also_two_files = names.also_two_files};
  PairReader reader(report, take);
  if (!names.two_files) {
    reader.read_one_file(names.source, columns);
  } else if (columns.chosen) {
    throw ConfigError(
        fmt::format("--columns: {} and {} are two files, a side each; it is for one file of several columns",
                    names.source, names.target));
  } else {
    reader.read_two_files(names.source, names.target);
  }
  require_pairs(report, columns);
  return report;
}

}  // namespace tapehead
