#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "autograd/base/output_file.hpp"
#include "trainers/metrics/result.hpp"

namespace tapehead {

/// One row of metrics.csv. Validation columns stay empty in rows without one.
struct MetricsRow {
  std::int64_t step = 0;
  double learning_rate = 0;
  double train_loss = 0;     ///< mean over the steps since the row before
  double gradient_norm = 0;  ///< of this step
  double seconds = 0;  ///< of training, over all parts of the run; the only column that two equal runs may differ in
  const Evaluation* validation = nullptr;
};

/// Writes metrics.csv row by row; each row is with the operating system when write() returns. Numbers are printed so
/// that reading them back gives the same bits.
class MetricsFile {
 public:
  /// Starts the file anew, or, to resume after `last_step` steps, keeps its rows up to that step. A validation column
  /// for each of `metrics` that has one, `valid_` before its name. Throws CheckpointError when the file cannot be read
  /// or written.
  MetricsFile(const std::string& path, const std::vector<MetricSpec>& metrics, std::int64_t last_step);

  void write(const MetricsRow& row);

  /// Returns when the rows are on the disk itself, where a power cut leaves them: before a checkpoint that counts on
  /// them.
  void flush_to_disk();

 private:
  std::vector<std::string> columns_;  // names of the metrics
  std::optional<OutputFile> out_;
};

}  // namespace tapehead
