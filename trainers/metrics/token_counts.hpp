#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "datasets/example.hpp"
#include "trainers/metrics/result.hpp"

namespace tapehead {

/// Sums over judged sequences, of which every metric of sequences is made.
///
/// Target tokens are the words of the targets and, where the data say an end, one end token a sequence; of data that
/// mark what counts, those that do. A word that the vocabulary does not have (kUnknown) can never be said right: it is
/// wrong in every share. In the loss it would be a word like any other, and an easy one where there are many; so the
/// loss is over known tokens, and the one over all tokens stands beside it.
struct TokenCounts {
  double known_loss = 0, unknown_loss = 0;  ///< nats over the tokens that the model was asked for, so many:
  std::int64_t known_asked = 0, unknown_asked = 0;
  std::int64_t sequences = 0, tokens = 0, ends = 0, unknown_tokens = 0;
  std::int64_t right_tokens = 0, right_ends = 0, right_sequences = 0;
  std::int64_t too_long = 0;
  std::int64_t characters = 0;  ///< of the text that was judged, where the data count them

  void add(const TokenCounts& part);
  /// A sequence that is judged, by its target; `with_end`: of data that say an end.
  void add_target(const ExampleView& example, bool with_end);
};

/// A metric and how it follows from the sums.
struct TokenMetric {
  MetricSpec spec;
  double (*of)(const TokenCounts&);
};

/// part / whole; not a number if there is none of the whole.
double share(std::int64_t part, std::int64_t whole);

/// What is measured on sequences, in the order in which it is shown. One more is one more line of the table in the
/// source.
const std::vector<MetricSpec>& token_metrics();

/// All of them, from the sums.
std::vector<Result> token_results(const TokenCounts& counts);

}  // namespace tapehead
