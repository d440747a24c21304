#include "trainers/metrics/token_counts.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "autograd/base/tokens.hpp"

namespace tapehead {
namespace {

double mean(double sum, std::int64_t count) {
  return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(count);
}

double loss(const TokenCounts& c) { return mean(c.known_loss, c.known_asked); }
double loss_all_tokens(const TokenCounts& c) {
  return mean(c.known_loss + c.unknown_loss, c.known_asked + c.unknown_asked);
}
std::int64_t words(const TokenCounts& c) { return c.tokens - c.ends; }
double bits_per_character(const TokenCounts& c) {
  return mean((c.known_loss + c.unknown_loss) / std::numbers::ln2, c.characters);
}

// clang-format off
const std::vector<TokenMetric>& table() {
  using enum Better;
  using enum NeededOfData;
  static const std::vector<TokenMetric> all{
      {{"loss", "nats a token", lower, "cross-entropy of known target tokens, each after the right ones; steers a run unless --best-metric says otherwise", 1, true},
       [](const TokenCounts& c) { return loss(c); }},
      {{"perplexity", "", lower, "exp(loss)", 2, true},
       [](const TokenCounts& c) { return std::exp(loss(c)); }},
      {{"loss_all_tokens", "nats a token", lower, "loss over unknown words too, for which <unk> is right", 5},
       [](const TokenCounts& c) { return loss_all_tokens(c); }},
      {{"perplexity_all_tokens", "", lower, "exp(loss_all_tokens)"},
       [](const TokenCounts& c) { return std::exp(loss_all_tokens(c)); }},
      {{"bits_per_character", "bits", lower, "loss of all tokens, over the characters of the text", 9, true, false, characters},
       bits_per_character},
      {{"token_accuracy", "share", higher, "of target tokens, end tokens included, that are likeliest after the right ones", 3, true},
       [](const TokenCounts& c) { return share(c.right_tokens, c.tokens); }},
      {{"token_accuracy_without_end", "share", higher, "the same of words alone", 6, false, false, end},
       [](const TokenCounts& c) { return share(c.right_tokens - c.right_ends, words(c)); }},
      {{"exact_match", "share", higher, "of sequences that greedy decoding writes whole, from the source alone", 4, true, false, question},
       [](const TokenCounts& c) { return share(c.right_sequences, c.sequences); }},
      {{"sequences", "count", neither, "sequences that were judged"},
       [](const TokenCounts& c) { return static_cast<double>(c.sequences); }},
      {{"tokens", "count", neither, "their target tokens, end tokens included"},
       [](const TokenCounts& c) { return static_cast<double>(c.tokens); }},
      {{"unknown_tokens", "count", neither, "of these, words that the vocabulary does not have"},
       [](const TokenCounts& c) { return static_cast<double>(c.unknown_tokens); }},
      {{"unknown_share", "share", neither, "of words that the vocabulary does not have", 7},
       [](const TokenCounts& c) { return share(c.unknown_tokens, words(c)); }},
      {{"too_long", "count", neither, "sequences that the model has too few positions for; no part of a loss"},
       [](const TokenCounts& c) { return static_cast<double>(c.too_long); }},
  };
  return all;
}
// clang-format on

}  // namespace

double share(std::int64_t part, std::int64_t whole) { return mean(static_cast<double>(part), whole); }

void TokenCounts::add(const TokenCounts& part) {
  known_loss += part.known_loss;
  unknown_loss += part.unknown_loss;
  known_asked += part.known_asked;
  unknown_asked += part.unknown_asked;
  sequences += part.sequences;
  tokens += part.tokens;
  ends += part.ends;
  unknown_tokens += part.unknown_tokens;
  right_tokens += part.right_tokens;
  right_ends += part.right_ends;
  right_sequences += part.right_sequences;
  too_long += part.too_long;
  characters += part.characters;
}

void TokenCounts::add_target(const ExampleView& example, bool with_end) {
  const auto counts = [&](std::size_t t) { return example.marks.empty() || example.marks[t] != 0; };
  const std::size_t length = example.target.size();
  ++sequences;
  for (std::size_t t = 0; t < length; ++t) {
    tokens += counts(t);
    unknown_tokens += counts(t) && example.target[t] == kUnknown;
  }
  if (!with_end) return;
  ends += counts(length);
  tokens += counts(length);
}

const std::vector<MetricSpec>& token_metrics() {
  static const std::vector<MetricSpec> specs = [] {
    std::vector<MetricSpec> found;
    for (const TokenMetric& metric : table()) found.push_back(metric.spec);
    return found;
  }();
  return specs;
}

std::vector<Result> token_results(const TokenCounts& counts) {
  std::vector<Result> results;
  for (const auto& [spec, of] : table())
    results.push_back({spec.name, of(counts), spec.unit, spec.direction, spec.common});
  return results;
}

}  // namespace tapehead
