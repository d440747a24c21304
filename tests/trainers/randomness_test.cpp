// Random numbers of a whole model: drawn by the law that is documented, and never twice the same.

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "autograd/base/random.hpp"
#include "autograd/tape.hpp"
#include "layers/attention/multi_head_attention.hpp"
#include "layers/models/model.hpp"
#include "layers/pass.hpp"
#include "layers/spec.hpp"
#include "tests/trainers/training_support.hpp"
#include "trainers/step.hpp"

namespace tapehead {
namespace {

ModelConfig wide(const std::string& kind, const std::string& law) {
  return {.model = kind,
          .layers = 2,
          .heads = 4,
          .d_model = 48,
          .d_head = 10,
          .d_ff = 72,
          .positions = "learned",
          .initialisation = law,
          .max_positions = 60,
          .source_vocabulary = 50,
          .target_vocabulary = 60};
}

// The deviation that the documentation gives a parameter; 0 for constants.
double documented_deviation(const ParameterRange& range, const std::string& law, std::int64_t channels) {
  const bool table = range.name.ends_with("embedding.weight") || range.name.ends_with("positions.weight");
  if (!range.name.ends_with("weight")) return 0;
  if (law == "normal") return 0.02;
  if (table) return 1 / std::sqrt(static_cast<double>(channels));
  const auto in = static_cast<double>(range.shape.rows);
  const auto out = static_cast<double>(range.shape.columns);
  return law == "kaiming" ? std::sqrt(2 / in) : std::sqrt(6 / (in + out)) / std::sqrt(3.0);
}

TEST(InitialValues, FollowTheDocumentedLawsAndNoTwoParametersAreAlike) {
  for (const char* kind : {"transformer", "decoder"}) {
    for (const char* law : {"xavier", "kaiming", "normal"}) {
      const Model model(wide(kind, law));
      ParameterStore<double> store(model.layout());
      store.initialise(4);
      std::map<std::int64_t, std::string> seen;  // the standardised first number, to nine digits
      for (const ParameterRange& range : model.layout().ranges()) {
        SCOPED_TRACE(std::string(kind) + " " + law + " " + range.name);
        const auto values = store.values(range);
        const double deviation = documented_deviation(range, law, 48);
        if (deviation == 0) {
          const double constant = range.name.ends_with("gain") ? 1 : 0;
          for (const double value : values) ASSERT_EQ(value, constant);
          continue;
        }
        double sum = 0;
        double squares = 0;
        double fourth = 0;
        double largest = 0;
        for (const double value : values) {
          sum += value;
          squares += value * value;
          fourth += value * value * value * value;
          largest = std::max(largest, std::abs(value));
        }
        const auto count = static_cast<double>(values.size());
        const double variance = squares / count;
        // Five deviations of a mean and of a variance, of numbers that are normal or less wide.
        EXPECT_NEAR(sum / count, 0, 5 * deviation / std::sqrt(count));
        EXPECT_NEAR(variance / (deviation * deviation), 1, 5 * std::sqrt(2 / count));
        const bool uniform = std::string(law) == "xavier" && !range.name.ends_with("embedding.weight") &&
                             !range.name.ends_with("positions.weight");
        EXPECT_NEAR(fourth / count / (variance * variance), uniform ? 1.8 : 3, 0.75);
        if (uniform) {
          EXPECT_LE(largest, deviation * std::sqrt(3.0));
        }
        for (const std::size_t i : {std::size_t{0}, std::size_t{1}, std::size_t{7}}) {
          const auto key = static_cast<std::int64_t>(std::llround(1e12 * std::abs(values[i]) / deviation));
          const auto [at, fresh] = seen.emplace(key, range.name);
          EXPECT_TRUE(fresh) << "element " << i << " is that of " << at->second;
        }
      }
      ParameterStore<double> other(model.layout());
      other.initialise(5);
      const ParameterRange& first = model.layout().ranges()[0];
      EXPECT_NE(store.values(first)[0], other.values(first)[0]);
    }
  }
}

// Every key that a run may use gives numbers of its own.
TEST(Streams, OfAnyTwoKeysAreDifferent) {
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::string> seen;
  for (const std::uint64_t seed : {0, 1, 2, 7}) {
    for (const Purpose purpose : {Purpose::initialisation, Purpose::training_data, Purpose::held_out_data,
                                  Purpose::shuffle, Purpose::dropout, Purpose::gradient_check, Purpose::test}) {
      for (const std::uint64_t step : {0, 1, 2, 3, 1000}) {
        for (const std::uint32_t site : {0, 1, 2, 3, 40}) {
          const RandomStream random(seed, purpose, step, site);
          for (const std::uint32_t example : {0, 1, 5}) {
            for (const std::uint32_t a : {0, 1, 9}) {
              for (const std::uint32_t block : {0, 1, 3}) {
                const auto w = random.bits(example, a, 0, block);
                const std::string where = std::to_string(seed) + " " + std::to_string(static_cast<int>(purpose)) + " " +
                                          std::to_string(step) + " " + std::to_string(site) + " " +
                                          std::to_string(example) + " " + std::to_string(a) + " " +
                                          std::to_string(block);
                const auto key = std::pair(std::uint64_t{w[0]} << 32 | w[1], std::uint64_t{w[2]} << 32 | w[3]);
                const auto [at, fresh] = seen.emplace(key, where);
                ASSERT_TRUE(fresh) << where << " and " << at->second;
              }
            }
          }
        }
      }
    }
  }
}

// Which elements of every dropout of a step were dropped, told from the tape itself; attention's own through values of
// one, whose contexts say how many weights each query kept.
struct Drops : TapeObserver<double> {
  void on_record(Var<double> y, std::span<const Var<double>> inputs) override {
    if (std::string(y.op()) != "dropout") return;
    std::vector<bool> kept;
    for (std::int64_t i = 0; i < y.shape().size(); ++i) kept.push_back(y.data()[i] != 0 || inputs[0].data()[i] == 0);
    masks.push_back(kept);
  }
  std::vector<std::vector<bool>> masks;
};

class RunDropout : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(, RunDropout, testing::Values("transformer", "decoder"),
                         [](const auto& each) { return std::string(each.param); });

TEST_P(RunDropout, EverySiteStepExampleAndPositionDropsOnItsOwn) {
  constexpr double kRate = 0.3;
  ModelConfig config = small_model(reversing(), GetParam());
  config.layers = 2;
  config.dropout = kRate;
  config.d_model = 32;
  config.d_ff = 32;
  config.feed_forward.activation = "gelu";
  const Model model(config);
  ParameterStore<double> store(model.layout());
  store.initialise(1);
  Batch batch(batch_layout(reversing(), model.reads_source()));
  batch.reserve(6, 9, 9);
  std::vector<std::vector<bool>> columns;
  std::int64_t kept = 0;
  std::int64_t all = 0;
  std::size_t sites = 0;
  for (const std::uint64_t step : {1, 2}) {
    for (const std::int64_t first : {0, 6}) {
      Tape<double> tape(store);
      Drops drops;
      tape.set_observer(&drops);
      reversing().fill_training_batch(1, 1, 6, batch);
      const Pass pass{.training = true, .seed = 1, .step = step, .first_example = first};
      model.logits(tape, batch.view(), pass);
      sites = drops.masks.size();
      for (const auto& mask : drops.masks) {
        for (std::size_t at = 0; at + 32 <= mask.size(); at += 32) {
          columns.emplace_back(mask.begin() + static_cast<std::ptrdiff_t>(at),
                               mask.begin() + static_cast<std::ptrdiff_t>(at + 32));
          kept += std::count(columns.back().begin(), columns.back().end(), true);
          all += 32;
        }
      }
    }
  }
  // Embeddings, and after attention, inside of and after the feed-forward part of every layer.
  EXPECT_EQ(sites, model.reads_source() ? 2U + 2 * 3 + 2 * 4 : 1U + 2 * 3);
  const auto total = static_cast<double>(all);
  EXPECT_NEAR(static_cast<double>(kept) / total, 1 - kRate, 5 * std::sqrt(kRate * (1 - kRate) / total));
  // Of 32 elements two columns agree by chance once in 10^7.6 pairs; a shared stream makes whole sites agree.
  std::map<std::vector<bool>, int> counts;
  int repeated = 0;
  for (const auto& column : columns) repeated += counts[column]++ > 0;
  EXPECT_LT(repeated, 6) << "of " << columns.size();
}

// Attention's weights: a layer that is given keys and values which make every weight equal shows in its context how
// many each head of each query kept.
TEST(RunDropouts, AttentionLayersAndHeadsDropOnTheirOwn) {
  ParameterLayout layout;
  std::uint32_t sites = 0;
  const Scope scope(layout, sites);
  const MultiHeadAttention::Options options{.channels = 4, .heads = 4, .dropout = 0.5};
  const MultiHeadAttention one(scope / "one", options);
  const MultiHeadAttention two(scope / "two", options);
  layout.seal();
  ParameterStore<double> store(layout);
  // Queries and keys are zero; the value of every head is the input's channel, and so is the output.
  for (const char* name : {"one", "two"}) {
    for (const char* part : {".value.weight", ".output.weight"}) {
      const auto weight = store.values(*layout.find(std::string(name) + part));
      for (std::size_t i = 0; i < 4; ++i) weight[5 * i] = 1;
    }
  }
  constexpr std::int64_t kKeys = 40;
  std::vector<double> powers(static_cast<std::size_t>(4 * kKeys * 3));
  for (std::size_t i = 0; i < powers.size(); ++i) powers[i] = std::exp2(static_cast<double>(i / 4 % kKeys));
  std::map<double, std::string> seen;
  for (const std::uint64_t step : {1, 2}) {
    for (const MultiHeadAttention* layer : {&one, &two}) {
      Tape<double> tape(store);
      const auto x = tape.constant({4, kKeys, 3}, powers.data());
      const auto y = (*layer)(x, Mask::everything(), {.training = true, .seed = 3, .step = step});
      for (std::int64_t i = 0; i < y.shape().size(); ++i) {
        // Weights are 1/40 or 0 times 2: the sum of powers of two says which keys were kept.
        const std::string where = layer->path + ", step " + std::to_string(step) + ", element " + std::to_string(i);
        const auto [at, fresh] = seen.emplace(y.data()[i], where);
        EXPECT_TRUE(fresh) << where << " keeps what is kept at " << at->second;
      }
    }
  }
}

}  // namespace
}  // namespace tapehead
