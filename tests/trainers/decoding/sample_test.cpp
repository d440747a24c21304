#include "trainers/decoding/sample.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
#include "autograd/tape.hpp"
#include "layers/models/model.hpp"
#include "trainers/batching.hpp"
#include "trainers/decoding/decoding.hpp"

namespace tapehead {
namespace {

using testing::Each;
using testing::ElementsAre;

// Of tokens 0 to 9, of which the first two can never be written though they are the likeliest here.
const std::vector<double> kLogits{9, 8, 0.3, -1, 2, 2, -40, 1.1, 0.3, 1.9};

// softmax(logits / temperature) over what can be written, as the book has it.
std::map<std::int32_t, double> probabilities(const std::vector<double>& logits, double temperature) {
  std::map<std::int32_t, double> found;
  long double sum = 0;
  for (std::size_t i = kEnd; i < logits.size(); ++i) sum += std::exp(logits[i] / static_cast<long double>(temperature));
  for (std::size_t i = kEnd; i < logits.size(); ++i) {
    const long double part = std::exp(logits[i] / static_cast<long double>(temperature)) / sum;
    found[static_cast<std::int32_t>(i)] = static_cast<double>(part);
  }
  return found;
}

// The fewest tokens, by trying every set, whose probabilities come to the share; of as many, the likeliest, and of
// equals the first.
std::map<std::int32_t, double> nucleus(const std::map<std::int32_t, double>& all, double share) {
  const std::vector<std::pair<std::int32_t, double>> tokens(all.begin(), all.end());
  std::uint32_t best = 0;
  double best_sum = 0;
  int best_size = std::numeric_limits<int>::max();
  for (std::uint32_t set = 1; set < 1U << tokens.size(); ++set) {
    double sum = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i) sum += (set >> i & 1U) != 0 ? tokens[i].second : 0;
    const int size = std::popcount(set);
    if (sum < share || size > best_size || (size == best_size && sum <= best_sum + 1e-12)) continue;
    best = set;
    best_sum = sum;
    best_size = size;
  }
  std::map<std::int32_t, double> kept;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if ((best >> i & 1U) != 0) kept[tokens[i].first] = tokens[i].second / best_sum;
  }
  return kept;
}

// The share of [0, 1) that leads to each token, to within 1e-5.
template <RealScalar T>
std::map<std::int32_t, double> shares(const std::vector<T>& logits, const SampleOptions& options) {
  constexpr int kPoints = 100'000;
  std::map<std::int32_t, double> found;
  for (int i = 0; i < kPoints; ++i) {
    found[drawn_token(logits.data(), std::ssize(logits), options, (i + 0.5) / kPoints)] += 1.0 / kPoints;
  }
  return found;
}

void expect_shares(const std::map<std::int32_t, double>& found, const std::map<std::int32_t, double>& expected,
                   const std::string& what) {
  for (const auto& [token, share] : expected) {
    const auto at = found.find(token);
    EXPECT_NEAR(at == found.end() ? 0 : at->second, share, 2e-5) << what << " token " << token;
  }
  for (const auto& [token, share] : found) EXPECT_TRUE(expected.contains(token)) << what << " token " << token;
}

double chi_square(const std::map<std::vector<std::int32_t>, double>& counts,
                  const std::map<std::vector<std::int32_t>, double>& expected) {
  double sum = 0;
  for (const auto& [what, want] : expected) {
    const auto at = counts.find(what);
    sum += std::pow((at == counts.end() ? 0 : at->second) - want, 2) / want;
  }
  return sum;
}

TEST(Sample, EachTokenHasItsShare) {
  for (const double temperature : {0.25, 1.0, 3.0}) {
    const std::string what = "temperature " + std::to_string(temperature);
    expect_shares(shares(kLogits, {.temperature = temperature}), probabilities(kLogits, temperature), what);
    const std::vector<float> in_float(kLogits.begin(), kLogits.end());
    expect_shares(shares(in_float, {.temperature = temperature}), probabilities(kLogits, temperature), what + " float");
  }
}

TEST(Sample, TopKLeavesTheLikeliestAlone) {
  const std::vector<std::int32_t> by_rank{4, 5, 9, 7, 2, 8, 3, 6};  // of equals the first
  for (std::size_t k = 1; k <= by_rank.size() + 1; ++k) {
    std::map<std::int32_t, double> expected;
    double sum = 0;
    for (std::size_t i = 0; i < std::min(k, by_rank.size()); ++i) sum += probabilities(kLogits, 2)[by_rank[i]];
    for (std::size_t i = 0; i < std::min(k, by_rank.size()); ++i) {
      expected[by_rank[i]] = probabilities(kLogits, 2)[by_rank[i]] / sum;
    }
    expect_shares(shares(kLogits, {.temperature = 2, .top_k = static_cast<std::int64_t>(k)}), expected,
                  "k " + std::to_string(k));
  }
}

TEST(Sample, TopPLeavesTheFewestThatComeToIt) {
  for (const double temperature : {0.5, 1.0, 4.0}) {
    for (const double p : {1e-9, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.9999}) {
      expect_shares(shares(kLogits, {.temperature = temperature, .top_p = p}),
                    nucleus(probabilities(kLogits, temperature), p), "p " + std::to_string(p));
    }
  }
}

// First the likeliest, then of these the share: 0.6 of the three is other tokens than 0.6 of all.
TEST(Sample, TopPIsOfWhatTopKLeaves) {
  std::vector<double> three(kLogits.size(), -std::numeric_limits<double>::infinity());
  for (const std::size_t token : {4, 5, 9}) three[token] = kLogits[token];
  expect_shares(shares(kLogits, {.top_k = 3, .top_p = 0.6}), nucleus(probabilities(three, 1), 0.6), "both");
  EXPECT_EQ(shares(kLogits, {.top_p = 0.6}).size(), 3U);
  EXPECT_EQ(shares(kLogits, {.top_k = 3, .top_p = 0.6}).size(), 2U);
}

TEST(Sample, WhatIsNoNumberIsNeverDrawn) {
  const double none = std::nan("");
  const double infinite = std::numeric_limits<double>::infinity();
  expect_shares(shares<double>({9, 9, none, 1, none, 1}, {}), {{3, 0.5}, {5, 0.5}}, "not numbers");
  expect_shares(shares<double>({9, 9, none, none}, {}), {{kPadding, 1}}, "none at all");
  expect_shares(shares<double>({9, 9, infinite, 1, infinite}, {}), {{2, 0.5}, {4, 0.5}}, "infinite");
  expect_shares(shares<double>({9, 9, -infinite, 1}, {.temperature = 9}), {{3, 1}}, "impossible");
  expect_shares(shares<double>({9, 9, 1e308, -1e308}, {.temperature = 1e-300}), {{2, 1}}, "far apart");
}

TEST(Sample, TheLastShareBelongsToTheLastToken) {
  const double last = std::nextafter(1.0, 0.0);
  EXPECT_EQ(drawn_token(kLogits.data(), 10, {}, last), 9);
  EXPECT_EQ(drawn_token(kLogits.data(), 10, {.top_k = 1}, last), 4);
  const std::vector<double> many(100'000, 0.1);  // where a sum is rounded often
  EXPECT_EQ(drawn_token(many.data(), std::ssize(many), {}, last), 99'999);
  EXPECT_EQ(drawn_token(many.data(), std::ssize(many), {}, 0), 2);
}

// Tokens that follow on each other by a table, whoever made it: what a search is given.
class Chain : public DecodingState<double> {
 public:
  explicit Chain(std::int64_t columns) : last_(static_cast<std::size_t>(columns), 0) { show(); }

  std::int64_t columns() const override { return std::ssize(last_); }
  std::int64_t vocabulary() const override { return 6; }
  const double* logits() const override { return shown_.data(); }
  std::int64_t room(std::int64_t) const override { return 100; }
  void step(std::span<const std::int32_t> tokens) override {
    for (std::size_t b = 0; b < tokens.size(); ++b) last_[b] = tokens[b] == kPadding ? last_[b] : tokens[b];
    show();
  }
  void reorder(std::span<const std::int32_t> from) override {
    std::vector<std::int32_t> last;
    for (const std::int32_t column : from) last.push_back(last_[static_cast<std::size_t>(column)]);
    last_ = last;
    show();
  }

  static std::vector<double> after(std::int32_t token) {
    return {0, 0, 0.5 - 0.1 * token, 0.2 * token, 1, token == 4 ? 2.0 : 0.0};
  }

 private:
  void show() {
    shown_.clear();
    for (const std::int32_t token : last_) std::ranges::copy(after(token), std::back_inserter(shown_));
  }
  std::vector<std::int32_t> last_;
  std::vector<double> shown_;
};

// Texts of two tokens or fewer, against the product of their probabilities.
TEST(Sample, TextsAreAsFrequentAsTheyAreLikely) {
  constexpr std::int64_t kTexts = 40'000;
  for (const double temperature : {0.7, 1.5}) {
    std::map<std::vector<std::int32_t>, double> expected;
    for (const auto& [first, p] : probabilities(Chain::after(0), temperature)) {
      if (first == kEnd) expected[{}] = kTexts * p;
      for (const auto& [second, q] : probabilities(Chain::after(first), temperature)) {
        if (first == kEnd) continue;
        if (second == kEnd) expected[{first}] = kTexts * p * q;
        if (second != kEnd) expected[{first, second}] = kTexts * p * q;
      }
    }
    ASSERT_EQ(expected.size(), 13U);
    for (const std::uint64_t seed : {1, 2, 3}) {
      Chain chain(kTexts);
      SearchRequest request{.max_length = 2, .seed = seed};
      request.options.set("temperature", canonical_text(temperature));
      std::map<std::vector<std::int32_t>, double> counts;
      for (const auto& text : find_search("sample").write(chain, request)) ++counts[text];
      // 12 degrees of freedom: 32.9 is passed once in a thousand times.
      EXPECT_LT(chi_square(counts, expected), 32.9) << "seed " << seed << " temperature " << temperature;
    }
  }
}

TEST(Sample, AnOptionReachesTheSearch) {
  Chain chain(500);
  const Texts texts = find_search("sample").write(chain, {.max_length = 3, .options = {{"top-k", "1"}}});
  Chain again(500);
  EXPECT_EQ(texts, find_search("greedy").write(again, {.max_length = 3}));
  EXPECT_THAT(texts, Each(ElementsAre(4, 5, 3)));
}

class SampleOfModel : public testing::TestWithParam<const char*> {
 protected:
  SampleOfModel()
      : model_({.model = GetParam(),
                .layers = 1,
                .heads = 2,
                .d_model = 8,
                .d_ff = 8,
                .max_positions = 16,
                .source_vocabulary = 12,
                .target_vocabulary = 12}),
        parameters_(model_.layout()) {
    parameters_.initialise(3);
    for (std::int64_t n = 0; n < 50; ++n) {
      std::vector<std::int32_t> source;
      for (std::int64_t t = 0; t < 2 + n % 5; ++t) source.push_back(static_cast<std::int32_t>(4 + (7 * n + 3 * t) % 8));
      sources_.push_back(source);
    }
  }

  Texts texts(const SearchRequest& request, const char* search = "sample") {
    return decode_in_batches(model_, parameters_, Sources(sources_), request, find_search(search));
  }

  Model model_;
  ParameterStore<double> parameters_;
  std::vector<std::vector<std::int32_t>> sources_;
};

TEST_P(SampleOfModel, ColdItIsGreedy) {
  EXPECT_EQ(texts({.max_length = 9, .options = {{"temperature", "1e-9"}}}), texts({.max_length = 9}, "greedy"));
  EXPECT_NE(texts({.max_length = 9}), texts({.max_length = 9}, "greedy"));
}

TEST_P(SampleOfModel, ATextFollowsFromSeedAndNumberWhateverItsBatch) {
  const Texts together = texts({.max_length = 9, .seed = 5});
  EXPECT_EQ(texts({.max_length = 9, .seed = 5}), together);
  EXPECT_NE(texts({.max_length = 9, .seed = 6}), together);
  const std::size_t different = [&] {
    std::vector<std::vector<std::int32_t>> same(30, sources_[0]);
    std::swap(sources_, same);
    Texts found = texts({.max_length = 9, .seed = 5});
    std::swap(sources_, same);
    std::ranges::sort(found);
    return static_cast<std::size_t>(std::unique(found.begin(), found.end()) - found.begin());
  }();
  EXPECT_GT(different, 20U) << "the same source, by another number";
  Tape<double> tape(parameters_);
  for (std::int64_t i = std::ssize(sources_) - 1; i >= 0; --i) {
    const auto at = static_cast<std::size_t>(i);
    const Texts alone = decode(model_, tape, Sources(&sources_[at], 1),
                               {.max_length = 9, .seed = 5, .numbers = std::span(&i, 1)}, find_search("sample"));
    EXPECT_EQ(alone.front(), together[at]) << i;
  }
}

// So many that they are written some at a time.
TEST_P(SampleOfModel, ATextKeepsItsNumberWhereBatchesAreCut) {
  while (sources_.size() < 8000) sources_.push_back(sources_[sources_.size() % 50]);
  std::vector<SequenceLengths> lengths;
  for (const auto& source : sources_) lengths.push_back({std::ssize(source) + 1, std::ssize(source) + 5});
  ASSERT_GT(cut_batches(model_, lengths, batch_budget(model_)).size(), 1U);
  const Texts all = texts({.max_length = 3, .seed = 5});
  Tape<double> tape(parameters_);
  for (const std::int64_t i : {0, 3999, 7999}) {
    const Texts alone = decode(model_, tape, Sources(&sources_[static_cast<std::size_t>(i)], 1),
                               {.max_length = 3, .seed = 5, .numbers = std::span(&i, 1)}, find_search("sample"));
    EXPECT_EQ(alone.front(), all[static_cast<std::size_t>(i)]) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Families, SampleOfModel,
                         testing::Values("transformer", "decoder", "encoder", "rnn", "rnn_decoder", "convolution"),
                         [](const auto& each) { return std::string(each.param); });

TEST(Search, ANameThatThereIsNotIsRefused) {
  EXPECT_THAT([] { find_search("beam"); },
              testing::ThrowsMessage<ConfigError>("search: \"beam\" is none of greedy, sample"));
}

}  // namespace
}  // namespace tapehead
