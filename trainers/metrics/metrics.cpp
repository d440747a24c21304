#include "trainers/metrics/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "autograd/base/errors.hpp"
#include "autograd/base/lines.hpp"

namespace tapehead {
namespace {

constexpr const char* kTrainingColumns = "step,learning_rate,train_loss,gradient_norm,seconds";

std::vector<std::string> columns_of(const std::vector<MetricSpec>& metrics) {
  std::vector<MetricSpec> with_column;
  std::ranges::copy_if(metrics, std::back_inserter(with_column), [](const MetricSpec& m) { return m.column > 0; });
  std::ranges::stable_sort(with_column, {}, &MetricSpec::column);
  std::vector<std::string> names;
  for (const MetricSpec& metric : with_column) names.push_back(metric.name);
  return names;
}

std::string header_of(const std::vector<std::string>& columns) {
  std::string header = kTrainingColumns;
  for (const std::string& name : columns) header += ",valid_" + name;
  return header;
}

// The sign of what is not a number says nothing.
std::string cell(double value) { return std::isnan(value) ? "nan" : fmt::format("{}", value); }

std::int64_t commas_in(std::string_view line) { return std::ranges::count(line, ','); }

// A row that was cut off, anywhere, has no line break, or too few cells if something was written behind it.
bool belongs(const std::string& row, std::int64_t last_step, std::int64_t commas) {
  std::int64_t step = 0;
  const auto [end, error] = std::from_chars(row.data(), row.data() + row.size(), step);
  return error == std::errc() && *end == ',' && step <= last_step && commas_in(row) == commas;
}

// Rows up to the first that is not whole or belongs to a later step. A row that was torn in a crash is no error, since
// nothing counts on it, nor are the nulls that a file system may leave; bytes that cannot be read are one. Columns that
// an older version did not write stay empty.
void copy_rows(const std::string& path, std::string_view header, std::int64_t last_step, OutputFile& out) {
  if (!file_exists(path)) return;
  InputFile file(path);
  LineReader reader(file, {.content = LineContent::raw, .longest = 1000});
  try {
    std::string row;
    std::string_view line;
    reader.next(line);
    const std::int64_t all = commas_in(header);
    const std::int64_t written = header.starts_with(line) ? commas_in(line) : all;
    const std::string missing(static_cast<std::size_t>(all - written), ',');
    while (reader.next(line) && reader.line_was_ended()) {
      row = line;
      if (!belongs(row, last_step, written)) return;
      out.write(row + missing + "\n");
    }
  } catch (const FileError&) {
    throw;
  } catch (const DataError&) {
    return;
  }
}

// What goes wrong with the file is told as what it means for the run.
template <class F>
void writing(const F& write) {
  try {
    write();
  } catch (const FileError& error) {
    throw CheckpointError(fmt::format(
        "metrics: {}; what was saved before is untouched: make room or mend the folder, then resume", error.what()));
  }
}

}  // namespace

MetricsFile::MetricsFile(const std::string& path, const std::vector<MetricSpec>& metrics, std::int64_t last_step)
    : columns_(columns_of(metrics)) {
  const std::string header = header_of(columns_);
  writing([&] {
    // The rows that stay are written beside the file first: an interruption here loses none of them.
    out_.emplace(path);
    out_->write(header + "\n");
    if (last_step > 0) copy_rows(path, header, last_step, *out_);
    out_->commit();
  });
}

void MetricsFile::write(const MetricsRow& row) {
  std::string line = fmt::format("{},{},{},{},{:.3f}", row.step, row.learning_rate, cell(row.train_loss),
                                 cell(row.gradient_norm), row.seconds);
  for (const std::string& name : columns_) {
    line += row.validation == nullptr ? "," : "," + cell(row.validation->value(name));
  }
  line += '\n';
  writing([&] { out_->write(line); });
}

void MetricsFile::flush_to_disk() {
  writing([&] { out_->flush_to_disk(); });
}

}  // namespace tapehead
