#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "datasets/slice.hpp"
#include "trainers/metrics/result.hpp"
#include "trainers/metrics/token_counts.hpp"

namespace tapehead {

/// A judged example by itself.
struct JudgedExample {
  TokenCounts counts = {};                                ///< without losses
  std::vector<std::int64_t> slices = {};                  ///< where it belongs, by each of the data's slices
  std::vector<std::int32_t> written = {}, expected = {};  ///< see Output; empty if outputs were not asked for
};

/// The results of each part of the examples, by each slice: what follows from counts without losses, and with `outputs`
/// what follows from those. Of a slice with many values neighbours make one part.
std::vector<SlicedResults> sliced_results(std::span<const Slice> slices, std::span<const JudgedExample> examples,
                                          bool outputs);

/// What was written for all of them.
std::vector<Result> output_results(std::span<const JudgedExample> examples);

}  // namespace tapehead
