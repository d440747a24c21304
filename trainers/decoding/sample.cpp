#include "trainers/decoding/sample.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "autograd/base/random.hpp"
#include "autograd/base/tokens.hpp"
#include "trainers/decoding/token_by_token.hpp"

namespace tapehead {
namespace {

struct Candidate {
  std::int32_t token = kPadding;
  double logit = 0;
  double weight = 0;  // probability, but for a factor
};

bool is_likelier(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

double sum_of(const std::vector<Candidate>& candidates) {
  double sum = 0;
  for (const Candidate& each : candidates) sum += each.weight;
  return sum;
}

std::uint32_t low_bits(std::int64_t number) { return static_cast<std::uint32_t>(number); }

// The fewest of the likeliest that come to the share of all.
void keep_nucleus(std::vector<Candidate>& candidates, double share) {
  std::ranges::sort(candidates, is_likelier);
  const double enough = share * sum_of(candidates);
  double sum = 0;
  std::size_t kept = 0;
  while (kept < candidates.size() && sum < enough) sum += candidates[kept++].weight;
  candidates.resize(std::max<std::size_t>(kept, 1));
}

}  // namespace

Fields<SampleOptions> SampleOptions::fields() {
  return {
      {&SampleOptions::temperature,
       {.name = "temperature",
        .range = NumberRange::positive(),
        .help = "what the logits are divided by before a token is drawn",
        .when = "low ones keep to likely tokens, high ones are bolder",
        .common = true}},
      {&SampleOptions::top_k,
       {.name = "top-k",
        .range = {0, 1e9},
        .help = "draw among the so many likeliest tokens",
        .when = "set it where unlikely tokens do harm",
        .zero = "all",
        .common = true}},
      {&SampleOptions::top_p,
       {.name = "top-p",
        .range = {.low = 0, .high = 1, .open_low = true},
        .help = "draw among the fewest tokens that have this probability together",
        .when = "0.9 is common",
        .common = true}},
  };
}

template <RealScalar T>
std::int32_t drawn_token(const T* logits, std::int64_t vocabulary, const SampleOptions& options, double uniform) {
  std::vector<Candidate> candidates;
  for (std::int32_t token = kEnd; token < vocabulary; ++token) {
    if (!std::isnan(logits[token])) candidates.push_back({token, static_cast<double>(logits[token])});
  }
  if (candidates.empty()) return kPadding;
  const bool few = options.top_k > 0 && options.top_k < std::ssize(candidates);
  const bool cut = few || options.top_p < 1;  // then they are no longer in the order of their ids
  if (few) {
    std::ranges::nth_element(candidates, candidates.begin() + options.top_k, is_likelier);
    candidates.resize(static_cast<std::size_t>(options.top_k));
  }
  const double highest = std::ranges::max(candidates, {}, &Candidate::logit).logit;
  for (Candidate& each : candidates) {  // an infinite logit too is as likely as the highest
    each.weight = each.logit == highest ? 1 : std::exp((each.logit - highest) / options.temperature);
  }
  if (options.top_p < 1) keep_nucleus(candidates, options.top_p);
  if (cut) std::ranges::sort(candidates, {}, &Candidate::token);
  double left = uniform * sum_of(candidates);
  const Candidate* drawn = nullptr;
  for (const Candidate& each : candidates) {
    if (each.weight > 0) drawn = &each;  // where rounding leaves something behind the last one, it is the last one
    left -= each.weight;
    if (drawn != nullptr && left < 0) break;
  }
  return drawn->token;
}

SearchSpec search_sample() {
  return {.name = "sample",
          .description = "tokens drawn by their probabilities",
          .options = options_of<SampleOptions>(),
          .draws = true,
          .write = [](auto& state, const SearchRequest& request) {
            const auto options = config_of<SampleOptions>(request.options);
            const RandomStream random(request.seed, Purpose::sampling);
            return write_token_by_token(state, request, [&](const auto* logits, std::int64_t number, auto text) {
              const double uniform =
                  random.uniform(low_bits(number), low_bits(request.drawn + std::ssize(text)), low_bits(number >> 32));
              return drawn_token(logits, state.vocabulary(), options, uniform);
            });
          }};
}

template std::int32_t drawn_token(const float*, std::int64_t, const SampleOptions&, double);
template std::int32_t drawn_token(const double*, std::int64_t, const SampleOptions&, double);

}  // namespace tapehead
