#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "experiments/bench/gemm_floor.hpp"
#include "trainers/step_options.hpp"
#include "trainers/step_profile.hpp"

namespace tapehead {

struct BenchOptions {
  ModelConfig model;
  StepShape shape;
  StepOptions step;
  int threads = 1;
  bool double_precision = false;
  bool profile = false;
  std::string against;  ///< a command to alternate with; empty: none
  int rounds = 3;
  double seconds = 2;  ///< of steps in each round, at least
};

/// Smallest, middle and largest of some measurements.
struct Range {
  double min = 0, median = 0, max = 0;
};

/// REQUIRES: at least one value.
Range range_of(std::vector<double> values);

/// What a peer gave beside this program, in the same rounds.
struct Comparison {
  Range step_ms;
  Range ratio;  ///< of the peer's time to this program's, round by round
  std::int64_t peak_rss_bytes = 0;
};

/// The share of the cores' peak that products reach, in GFLOP/s each. None if the steps were faster than the peak that
/// was seen: other work kept the cores from showing it.
std::optional<double> share_of_peak(double gflops, double peak);

struct BenchReport {
  std::int64_t parameters = 0;
  std::int64_t shards = 0;
  std::int64_t steps = 0;
  std::int64_t tokens = 0;  ///< counted tokens of one step
  Range step_ms;
  Range floor_ms;  ///< none for double: zeros
  std::int64_t floor_shards = 0;
  double flop = 0;             ///< of the products of one step
  double fma_peak_gflops = 0;  ///< the most that was seen in any round
  std::int64_t peak_rss_bytes = 0;
  std::optional<double> allocations_per_step;
  std::optional<StepProfile> profile;
  std::optional<Comparison> against;
};

/// Times training steps on random tokens, and beside them, round by round, the products alone and the other command.
/// Throws what the model, the data and the command throw.
BenchReport measure_step(const BenchOptions& options);

}  // namespace tapehead
