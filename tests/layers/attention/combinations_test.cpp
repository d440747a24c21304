// What the table of combinations says against what models do: every pair of choices that go together and two thousand
// draws of all of them, in models of every family, are what plain loops make of them; all others are refused by name.

#include "layers/attention/combinations.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <set>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
#include "layers/models/family.hpp"
#include "layers/models/model.hpp"
#include "tests/support/chosen.hpp"
#include "tests/support/comparison.hpp"
#include "tests/support/drawn.hpp"
#include "tests/support/plain_model.hpp"
#include "tests/support/token_batch.hpp"

namespace tapehead {
namespace {

using namespace testing_support;
using testing::HasSubstr;
using Row = std::vector<AttentionChoice>;

const std::vector<std::int32_t> kSource = {4, 5, 6, 5, 7, 0};
const std::vector<std::int32_t> kSourceLengths = {3, 2};
const std::vector<std::int32_t> kInput = {1, 5, 4, 8, 1, 6, 7, 0};
const std::vector<std::int32_t> kLengths = {4, 3};
const TokenView kSources{kSource.data(), kSourceLengths.data(), 3, 3, 2};
const TokenView kInputs{kInput.data(), kLengths.data(), 4, 4, 2};

std::vector<Row> axes() {
  std::vector<Row> all;
  for (const AttentionChoice& each : attention_choices()) {
    if (all.empty() || all.back()[0].option != each.option) all.emplace_back();
    all.back().push_back(each);
  }
  return all;
}

ModelConfig config_of(const std::string& family, const Row& row, double dropout) {
  ModelConfig config{.model = family,
                     .layers = 1,
                     .heads = 4,
                     .d_model = 4,
                     .d_head = 4,
                     .d_ff = 3,
                     .dropout = dropout,
                     .max_positions = 4,
                     .source_vocabulary = 9,
                     .target_vocabulary = 9};
  config.stages.numbers.top_keys = 2;
  config.stages.numbers.clip = 1;
  config.stages.numbers.buckets = 4;
  return chosen(config, row);
}

std::string text_of(const Row& row) {
  std::string text;
  for (const AttentionChoice& each : row) text += fmt::format("{} {} ", each.option, each.value);
  return text;
}

std::string refusal(const Row& row) {
  try {
    const Model model(config_of("decoder", row, 0));
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

// What a row's weights must be: zero where the mask says so, and of sum one where a normalizer promises that.
void expect_weights(const Site& site, Var<double> weights, bool sums_to_one) {
  const auto [keys, queries, slices] = weights.shape();
  for (std::int64_t n = 0; n < queries * slices; ++n) {
    const std::int64_t example = n / queries / site.heads;
    double sum = 0;
    for (std::int64_t k = 0; k < keys; ++k) {
      const double weight = weights.data()[k + keys * n];
      const bool allowed =
          site.role == AttentionRole::causal ? k <= n % queries : k < kSourceLengths[static_cast<std::size_t>(example)];
      ASSERT_TRUE(allowed || weight == 0) << site.layer << " " << weight;
      sum += weight;
    }
    ASSERT_NEAR(sums_to_one ? sum : 1, 1, 1e-12) << site.layer;
  }
}

bool has(const Row& row, const AttentionChoice& choice) {
  return std::ranges::any_of(
      row, [&](const AttentionChoice& each) { return each.option == choice.option && each.value == choice.value; });
}

// Models of rows against plain loops: logits, the derivative along a direction of all parameters, the same in float,
// and what must be true of weights.
class Compared {
 public:
  void compare(const Row& row, std::uint32_t draw) {
    SCOPED_TRACE(text_of(row));
    static const std::vector<std::string> kFamilies{"decoder", "encoder", "transformer"};
    static const std::vector<std::string> kMasks{"", "", "window(1)", "window(1, 1) | prefix(1)", "dilated(2)"};
    const RandomStream random(11, Purpose::test);
    const double dropout = random.below(2, draw, 1) == 0 ? 0 : 0.3;
    ModelConfig config = config_of(kFamilies[random.below(3, draw, 0)], row, dropout);
    config.attention_mask = kMasks[random.below(kMasks.size(), draw, 2)];
    const Model model(config);
    const std::vector<double> values = named_values(model.layout());
    const std::vector<double> directions = drawn_numbers(std::ssize(values), 2);
    Pass pass{.training = dropout > 0, .seed = 3, .step = draw, .first_example = 5};

    std::vector<double> expected;
    double slope = 0;
    const PlainBlock plain =
        PlainModel(config, model.layout(), dual(values, directions), pass).logits(kSources, kInputs);
    const std::vector<double> upstream = drawn_numbers(std::ssize(plain.values), 4);
    for (std::size_t i = 0; i < plain.values.size(); ++i) {
      expected.push_back(plain.values[i].real());
      slope += upstream[i] * plain.values[i].imag() / kDualStep;
    }

    const bool sums_to_one =
        is_among("softmax entmax15 sparsemax top", config.stages.normalizer) && config.stages.mixing == "none";
    const ProbeAt probe({What::weights},
                        [&](const Site& site, Var<double> weights) { expect_weights(site, weights, sums_to_one); });
    pass.probe = &probe;
    ParameterStore<double> store(model.layout());
    fill(store, values);
    Tape<double> tape(store);
    const auto logits = logits_of(model, tape, pass);
    tape.backward(logits, upstream.data());
    double along = 0;
    for (std::size_t i = 0; i < values.size(); ++i) along += directions[i] * store.gradients().data()[i];
    comparison_.near("logits", {logits.data(), expected.size()}, expected);
    comparison_.near("derivative", std::vector{along}, std::vector{slope});

    pass.probe = nullptr;
    // The wrong split of heads mixes positions, so it hears of padding.
    if (config.head.split != "reshape") compare_sharded(model, store, pass, expected);

    if (config.stages.normalizer == "top") return;  // which keys are taken may hang on a last bit
    ParameterStore<float> single(model.layout());
    for (std::size_t i = 0; i < values.size(); ++i) single.values().data()[i] = static_cast<float>(values[i]);
    Tape<float> single_tape(single);
    const NoGrad<float> no_grad(single_tape);
    const auto in_float = logits_of(model, single_tape, pass);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(in_float.data()[i], expected[i], 2e-3 * (1 + std::abs(expected[i])));
    }
  }

 private:
  // Each example alone, cut to its own length, as a shard sees it.
  void compare_sharded(const Model& model, ParameterStore<double>& store, const Pass& pass,
                       const std::vector<double>& whole) {
    const BatchView both = batch_of(model);
    const std::int64_t rows = model.config().target_vocabulary;
    const std::int64_t columns = std::ssize(whole) / rows / 2;
    for (std::int64_t b = 0; b < 2; ++b) {
      Tape<double> tape(store);
      const NoGrad<double> no_grad(tape);
      Pass alone = pass;
      alone.first_example += static_cast<std::uint32_t>(b);
      const auto logits = model.project(model.features(tape, both.slice(b, b + 1), alone));
      const auto begin = whole.begin() + rows * columns * b;
      comparison_.near("of a shard", {logits.data(), static_cast<std::size_t>(logits.shape().size())},
                       std::vector<double>(begin, begin + logits.shape().size()));
    }
  }

  static BatchView batch_of(const Model& model) {
    return token_batch(kSources, kInputs, model.config().model == "encoder" ? kSources : kInputs);
  }

  template <Scalar T>
  Var<T> logits_of(const Model& model, Tape<T>& tape, const Pass& pass) {
    return model.project(model.features(tape, batch_of(model), pass));
  }

  Comparison comparison_{1e-9};
};

TEST(Combinations, EveryPairThatGoesTogetherIsWhatPlainLoopsSay) {
  Compared with_plain_loops;
  std::set<std::pair<std::string, std::string>> seen;
  const std::vector<Row> cover = attention_cover();
  for (const Row& row : cover) {
    EXPECT_EQ(row.size(), axes().size());
    EXPECT_TRUE(go_together(row)) << text_of(row);
    with_plain_loops.compare(row, static_cast<std::uint32_t>(seen.size()));
    for (const AttentionChoice& a : row) {
      for (const AttentionChoice& b : row) seen.insert({a.option + a.value, b.option + b.value});
    }
  }
  for (const AttentionChoice& a : attention_choices()) {
    for (const AttentionChoice& b : attention_choices()) {
      if (a.option == b.option) continue;
      EXPECT_EQ(seen.contains({a.option + a.value, b.option + b.value}), go_together({a, b})) << text_of({a, b});
    }
  }
  EXPECT_LT(cover.size(), 400U);
}

TEST(Combinations, TwoThousandDrawsAreWhatPlainLoopsSayOrRefused) {
  const std::vector<Row> all = axes();
  Compared with_plain_loops;
  int compared = 0;
  int refused = 0;
  for (std::uint32_t draw = 0; compared < 2000 && !testing::Test::HasFailure(); ++draw) {
    const RandomStream random(7, Purpose::test);
    Row row;
    for (std::uint32_t i = 0; i < all.size(); ++i) row.push_back(all[i][random.below(all[i].size(), draw, i)]);
    if (go_together(row)) {
      with_plain_loops.compare(row, draw);
      ++compared;
    } else if (++refused <= 500) {
      EXPECT_NE(refusal(row), "") << text_of(row);
    }
  }
}

TEST(Combinations, PairsThatDoNotGoTogetherAreRefusedByBothNames) {
  for (const auto& [one, other, why] : attention_exclusions()) {
    const std::string message = refusal({one, other});
    EXPECT_THAT(message, HasSubstr(one.value)) << text_of({one, other});
    EXPECT_THAT(message, HasSubstr(other.option)) << text_of({one, other});
    EXPECT_FALSE(why.empty());
  }
}

// Every value of an option that is a word is a choice of the table, in the order of the option.
TEST(Combinations, TheTableHasEveryChoice) {
  std::set<std::string> options;
  for (const AttentionChoice& each : attention_choices()) {
    options.insert(each.option);
    EXPECT_FALSE(each.description.empty()) << text_of({each});
  }
  std::size_t found = 0;
  for (const Field<ModelConfig>& field : ModelConfig::fields()) {
    if (!options.contains(std::string(field.option.name))) continue;
    ++found;
    std::string words;
    std::string first;
    for (const AttentionChoice& each : attention_choices()) {
      if (each.option != field.option.name) continue;
      if (first.empty()) first = each.value;
      if (is_among(field.option.choices, each.value)) words += (words.empty() ? "" : " ") + each.value;
    }
    std::set<std::string> in_table;
    std::set<std::string> in_option;
    std::istringstream table(words);
    std::istringstream option(field.option.choices);
    for (std::string word; table >> word;) in_table.insert(word);
    for (std::string word; option >> word;) in_option.insert(word);
    if (field.option.name == "positions") in_option.erase("sinusoidal_2d");  // of images, and outside the attention
    EXPECT_EQ(in_table, in_option) << field.option.name;
    EXPECT_EQ(first, field.option.fallback) << field.option.name;
  }
  EXPECT_EQ(found, options.size());
}

// Without positions an encoder says the same of a token wherever it stands.
TEST(Combinations, WithoutPositionsOrderDoesNotMatter) {
  const std::vector<std::int32_t> tokens{4, 5, 6, 7};
  const std::vector<std::int32_t> moved{6, 4, 7, 5};
  const std::size_t from[] = {2, 0, 3, 1};
  const std::vector<std::int32_t> lengths{4};
  int compared = 0;
  for (const Row& row : attention_cover()) {
    if (!has(row, {"positions", "none"}) || !has(row, {"head-split", "channels"})) continue;
    if (has(row, {"normalizer", "stick_breaking"})) continue;  // it goes by the order of keys
    SCOPED_TRACE(text_of(row));
    const Model model(config_of("encoder", row, 0));
    ParameterStore<double> store(model.layout());
    fill(store, named_values(model.layout()));
    const auto logits = [&](const std::vector<std::int32_t>& ids) {
      Tape<double> tape(store);
      const TokenView view{ids.data(), lengths.data(), 4, 4, 1};
      const auto y = model.project(model.features(tape, token_batch(view, view, view), {}));
      return std::vector<double>(y.data(), y.data() + y.shape().size());
    };
    const auto straight = logits(tokens);
    const auto permuted = logits(moved);
    for (std::size_t t = 0; t < 4; ++t) {
      for (std::size_t v = 0; v < 9; ++v) ASSERT_NEAR(permuted[v + 9 * t], straight[v + 9 * from[t]], 1e-10);
    }
    ++compared;
  }
  EXPECT_GT(compared, 3);
}

// How many there are: a number that a change of the table changes.
TEST(Combinations, AreCounted) {
  // Rows so far, by those of their choices that exclude any.
  std::map<std::vector<std::string>, std::int64_t> counts{{{}, 1}};
  std::map<std::string, std::set<std::string>> excluded;
  for (const auto& [one, other, why] : attention_exclusions()) {
    excluded[one.option + one.value].insert(other.option + other.value);
    excluded[other.option + other.value].insert(one.option + one.value);
  }
  std::int64_t rows = 1;
  for (const Row& axis : axes()) {
    rows *= std::ssize(axis);
    std::map<std::vector<std::string>, std::int64_t> longer;
    for (const auto& [chosen, count] : counts) {
      for (const AttentionChoice& each : axis) {
        const std::string name = each.option + each.value;
        const auto found = excluded.find(name);
        std::vector<std::string> with = chosen;
        if (found != excluded.end()) {
          if (std::ranges::any_of(chosen, [&](const std::string& other) { return found->second.contains(other); })) {
            continue;
          }
          with.push_back(name);
        }
        longer[with] += count;
      }
    }
    counts = std::move(longer);
  }
  std::int64_t count = 0;
  for (const auto& [chosen, of_it] : counts) count += of_it;
  std::cout << fmt::format("{} combinations of {} choices: {} go together, {} are refused; {} rows cover every pair\n",
                           rows, attention_choices().size(), count, rows - count, attention_cover().size());
  EXPECT_GT(count, rows / 4);
  EXPECT_LT(count, rows);
}

}  // namespace
}  // namespace tapehead
