#include "trainers/metrics/token_counts.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

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
std::int64_t words(const TokenCounts& c) { return c.tokens - c.sequences; }

// clang-format off
const std::vector<TokenMetric>& table() {
  using enum Better;
  static const std::vector<TokenMetric> all{
      {{"loss", "nats a token", lower, "cross-entropy of known target tokens, each after the right ones; steers a run unless --best-metric says otherwise", 1, true},
       [](const TokenCounts& c) { return loss(c); }},
      {{"perplexity", "", lower, "exp(loss)", 2, true},
       [](const TokenCounts& c) { return std::exp(loss(c)); }},
      {{"loss_all_tokens", "nats a token", lower, "loss over unknown words too, for which <unk> is right", 5},
       [](const TokenCounts& c) { return loss_all_tokens(c); }},
      {{"perplexity_all_tokens", "", lower, "exp(loss_all_tokens)"},
       [](const TokenCounts& c) { return std::exp(loss_all_tokens(c)); }},
      {{"token_accuracy", "share", higher, "of target tokens, end tokens included, that are likeliest after the right ones", 3, true},
       [](const TokenCounts& c) { return share(c.right_tokens, c.tokens); }},
      {{"token_accuracy_without_end", "share", higher, "the same of words alone", 6},
       [](const TokenCounts& c) { return share(c.right_tokens - c.right_ends, words(c)); }},
      {{"exact_match", "share", higher, "of sequences that greedy decoding writes whole, from the source alone", 4, true},
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
  unknown_tokens += part.unknown_tokens;
  right_tokens += part.right_tokens;
  right_ends += part.right_ends;
  right_sequences += part.right_sequences;
  too_long += part.too_long;
}

void TokenCounts::add_target(std::span<const std::int32_t> target) {
  ++sequences;
  tokens += std::ssize(target) + 1;
  unknown_tokens += std::ranges::count(target, static_cast<std::int32_t>(kUnknown));
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
