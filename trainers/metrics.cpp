#include "trainers/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "autograd/base/errors.hpp"
#include "autograd/base/lines.hpp"

namespace tapehead {
namespace {

constexpr const char* kHeader =
    "step,learning_rate,train_loss,gradient_norm,seconds,valid_loss,valid_perplexity,valid_token_accuracy,"
    "valid_exact_match";

// A row that was cut off, anywhere, has no line break, or too few cells if something was written behind it.
bool is_whole(const std::string& row) {
  static const auto commas = std::ranges::count(std::string_view(kHeader), ',');
  return std::ranges::count(row, ',') == commas;
}

bool belongs(const std::string& row, std::int64_t last_step) {
  std::int64_t step = 0;
  const auto [end, error] = std::from_chars(row.data(), row.data() + row.size(), step);
  return error == std::errc() && *end == ',' && step <= last_step && is_whole(row);
}

// Rows up to the first that is not whole or belongs to a later step. A row that was torn in a crash is no error, since
// nothing counts on it, nor are the nulls that a file system may leave; bytes that cannot be read are one.
void copy_rows(const std::string& path, std::int64_t last_step, OutputFile& out) {
  if (!file_exists(path)) return;
  InputFile file(path);
  LineReader reader(file, {.content = LineContent::raw, .longest = 1000});
  try {
    std::string row;
    std::string_view line;
    reader.next(line);  // the header
    while (reader.next(line) && reader.line_was_ended()) {
      row = line;
      if (!belongs(row, last_step)) return;
      out.write(row + "\n");
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

MetricsFile::MetricsFile(const std::string& path, std::int64_t last_step) {
  writing([&] {
    // The rows that stay are written beside the file first: an interruption here loses none of them.
    out_.emplace(path);
    out_->write(fmt::format("{}\n", kHeader));
    if (last_step > 0) copy_rows(path, last_step, *out_);
    out_->commit();
  });
}

void MetricsFile::write(const MetricsRow& row) {
  std::string line =
      fmt::format("{},{},{},{},{:.3f}", row.step, row.learning_rate, row.train_loss, row.gradient_norm, row.seconds);
  if (row.validation != nullptr) {
    const Evaluation& v = *row.validation;
    line += fmt::format(",{},{},{},{}\n", v.loss, v.perplexity, v.token_accuracy, v.exact_match);
  } else {
    line += ",,,,\n";
  }
  writing([&] { out_->write(line); });
}

void MetricsFile::flush_to_disk() {
  writing([&] { out_->flush_to_disk(); });
}

}  // namespace tapehead
