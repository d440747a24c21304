#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "datasets/dataset.hpp"
#include "experiments/runs/provenance.hpp"
#include "trainers/metrics/result.hpp"

namespace tapehead {

/// How well some weights of a run do.
struct Judgement {
  std::string checkpoint;  ///< name of their file in the folder of the run
  std::int64_t step = 0;
  std::string parameter_digest;
  std::vector<Result> metrics;             ///< not a number where there is no such number, or none that is finite
  std::vector<SlicedResults> slices = {};  ///< of parts of the sequences, by length and the like, where data say so

  std::optional<double> metric(const std::string& name) const;  ///< none where it is not a number
};

/// Judges weights by what their evaluation came to.
Judgement judgement_of(const Evaluation& evaluation, std::string checkpoint, std::int64_t step, std::string digest);

/// Why an evaluation is no result: its loss is not finite, or so large that its perplexity is beyond any number. Empty
/// if it is one.
std::string why_diverged(const Evaluation& evaluation, std::int64_t step);

/// What one finished run came to.
struct RunResult {
  std::string diverged = {};           ///< why it came to nothing; then the rest is empty
  Judgement judged = {};               ///< of the best weights if they were kept, else of the last
  std::optional<Judgement> last = {};  ///< of the last weights, where others were judged
  std::int64_t steps = 0;
  std::int64_t skipped_steps = 0;
  std::int64_t parameters = 0;
  double seconds = 0;  ///< of training, over all its parts

  const Judgement& of_last() const { return last ? *last : judged; }
};

/// A result with what it depends on.
struct StoredResult {
  Provenance made_with;
  std::string config;  ///< fingerprint
  Split split = Split::test;
  RunResult result;
};

/// Fingerprint of a configuration, for StoredResult::config.
std::string config_fingerprint(const std::string& config_text);

/// Writes result.json, sealed with a digest of its content.
void write_result(const std::string& path, const StoredResult& stored);

/// Reads it back. Throws ConfigError, with what to do, for a file that is damaged, that holds numbers which no run
/// comes to, or that an earlier or later version wrote.
StoredResult read_result(const std::string& path);

}  // namespace tapehead
