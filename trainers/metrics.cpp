#include "trainers/metrics.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <vector>

#include "autograd/base/errors.hpp"

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

std::vector<std::string> rows_up_to(const std::string& path, std::int64_t last_step) {
  std::vector<std::string> rows;
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);  // the header
  while (std::getline(in, line)) {
    std::int64_t step = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), step);
    if (error != std::errc() || *end != ',' || step > last_step || in.eof() || !is_whole(line)) break;
    rows.push_back(line);
  }
  return rows;
}

[[noreturn]] void fail_to_write(const std::string& path) {
  throw CheckpointError(
      fmt::format("metrics: {} cannot be written ({}); what was saved before is untouched: make "
                  "room or mend the folder, then resume",
                  path, std::strerror(errno)));
}

}  // namespace

MetricsFile::MetricsFile(const std::string& path, std::int64_t last_step) : path_(path) {
  const std::vector<std::string> kept = last_step > 0 ? rows_up_to(path, last_step) : std::vector<std::string>{};
  // The rows that stay are written beside the file first: an interruption here loses none of them.
  const std::string fresh = path + ".new";
  out_.open(fresh, std::ios::trunc);
  out_ << kHeader << '\n';
  for (const std::string& row : kept) out_ << row << '\n';
  out_.flush();
  std::error_code error;
  if (out_) std::filesystem::rename(fresh, path, error);
  if (out_ && !error) return;
  const int reason = error ? error.value() : errno;
  std::filesystem::remove(fresh, error);
  errno = reason;
  fail_to_write(path);
}

void MetricsFile::write(const MetricsRow& row) {
  out_ << fmt::format("{},{},{},{},{:.3f}", row.step, row.learning_rate, row.train_loss, row.gradient_norm,
                      row.seconds);
  if (row.validation != nullptr) {
    const Evaluation& v = *row.validation;
    out_ << fmt::format(",{},{},{},{}\n", v.loss, v.perplexity, v.token_accuracy, v.exact_match);
  } else {
    out_ << ",,,,\n";
  }
  out_.flush();
  if (!out_) fail_to_write(path_);
}

void MetricsFile::flush_to_disk() const {
  const int file = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  const bool flushed = file >= 0 && ::fsync(file) == 0;
  if (!flushed) fail_to_write(path_);
  ::close(file);
}

}  // namespace tapehead
