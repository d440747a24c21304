// Tables of numbers: those that people give to `attend`, and the metrics.csv that a resumed run finds.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>

#include "experiments/analysis/matrix.hpp"
#include "tests/fuzz/target.hpp"
#include "trainers/metrics/metrics.hpp"
#include "trainers/metrics/token_counts.hpp"

namespace tapehead {

std::vector<std::string> fuzz_seeds() {
  return {
      "",
      "1,2,3\n4,5,6\n",
      "0.5 -1e3\t7 # a comment\n\n1;2;3\r\n",
      std::string("\xef\xbb\xbf") + "1\n",
      std::string("step,learning_rate,train_loss,gradient_norm,seconds,valid_loss,valid_perplexity,") +
          "valid_token_accuracy,valid_exact_match\n5,0.1,2,1,0.5,,,,\n10,0.1,2,1,0.5,1,2,3,4\n15,0.1,nan,1,0.5,,,,\n",
      std::string("step,learning_rate,train_loss,gradient_norm,seconds,valid_loss,valid_perplexity,") +
          "valid_token_accuracy,valid_exact_match,valid_loss_all_tokens,valid_token_accuracy_without_end,"
          "valid_unknown_share\n5,0.1,2,1,0.5,,,,,,,\n10,0.1,2,1,0.5,1,2,3,4,5,6,7\n"};
}

namespace {

std::string without_empty_end(const std::string& row) { return row.substr(0, row.find_last_not_of(',') + 1); }

}  // namespace
}  // namespace tapehead

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tapehead;
  const std::string text(reinterpret_cast<const char*>(data), size);
  Matrix matrix;
  if (succeeds([&] { matrix = parse_matrix(text, "fuzz.csv"); })) {
    require(matrix.rows > 0 && matrix.columns > 0 && std::ssize(matrix.values) == matrix.rows * matrix.columns,
            "a matrix has not the numbers that it says");
    std::string written;
    for (std::int64_t r = 0; r < matrix.rows; ++r) {
      for (std::int64_t c = 0; c < matrix.columns; ++c) {
        require(std::isfinite(matrix(r, c)), "a matrix holds what is no finite number");
        written += fmt::format("{}{}", c == 0 ? "" : ",", matrix(r, c));
      }
      written += '\n';
    }
    require(parse_matrix(written, "again.csv").values == matrix.values, "a matrix that was written is read as another");
  }

  // Every row that a resumed run keeps was there before, but for empty cells at its end, and belongs to a step that was
  // done.
  const std::string path = file_with("metrics.csv", text);
  std::string lines = text;  // they may end with CR
  std::ranges::replace(lines, '\r', '\n');
  std::set<std::string> there;
  std::istringstream before(lines);
  for (std::string row; std::getline(before, row);) there.insert(without_empty_end(row));
  MetricsFile(path, token_metrics(), 10).write({.step = 11});
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  int rows = 0;
  for (; std::getline(in, line); ++rows) {
    require(line.starts_with("11,") || there.contains(without_empty_end(line)), "a row was made up");
    require(std::stoll(line) <= 11, "a row of a later step was kept");
  }
  require(rows >= 1, "the row that was written is not there");
  return 0;
}
