#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace tapehead {

/// Which way a number is better.
enum class Better { lower, higher, neither };

/// What data must have for a metric.
enum class NeededOfData {
  nothing,
  question,    ///< what targets follow from: see Dataset::asks
  end,         ///< of each target, to be said behind it
  characters,  ///< as many as Dataset::characters says
};

/// What a metric is, before it was measured.
struct MetricSpec {
  std::string name;       ///< "exact_match": in JSON, in messages; `valid_exact_match` in metrics.csv
  std::string unit = {};  ///< "nats a token", "share", "count"; empty for a plain number
  Better direction = Better::neither;
  std::string description = {};  ///< in a line, for people
  int column = 0;                ///< its place among the validation columns of metrics.csv, from 1; 0: it has none
  bool common = false;           ///< among the few that are shown where there is little room
  bool of_outputs = false;       ///< measured only where outputs are asked for: see EvaluationOptions
  NeededOfData needs = NeededOfData::nothing;
};

/// One number that an evaluation came to. What there is none of is not a number.
struct Result {
  std::string name;
  double value = std::numeric_limits<double>::quiet_NaN();
  std::string unit = {};
  Better direction = Better::neither;
  bool common = false;

  /// It is the number of something: sequences, tokens.
  bool counts() const { return unit == "count"; }
};

/// The results of some of the sequences: those that a slice puts at `first` to `last`.
struct SlicePart {
  std::int64_t first = 0, last = 0;
  std::vector<Result> results = {};
};

/// Results of parts of the sequences: by length, by difficulty.
struct SlicedResults {
  std::string name = {};  ///< what the parts differ in: "length"
  std::vector<SlicePart> parts = {};
};

/// How well a model does on held-out sequences: whatever was measured, in the order in which it is shown.
struct Evaluation {
  std::vector<Result> results;
  std::int64_t available = 0;              ///< sequences of the split, of which "sequences" were judged
  std::string headline = {};               ///< the result that says most, as the data have it; empty: nobody has said
  std::vector<SlicedResults> slices = {};  ///< if they were asked for and the data have any

  /// The number of that name; not a number if nothing of that name was measured.
  double value(std::string_view name) const;
  /// The same of something that counts; 0 if nothing of that name was measured.
  std::int64_t count(std::string_view name) const;
};

}  // namespace tapehead
