// One training step of both models against golden.txt, which make_golden.py wrote: a second implementation, in numpy.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "autograd/ops/cross_entropy.hpp"
#include "layers/models/model.hpp"
#include "layers/pass.hpp"
#include "tests/support/comparison.hpp"
#include "tests/support/token_batch.hpp"

namespace tapehead {
namespace {

using testing_support::Comparison;
using testing_support::token_batch;

// Sequences, one after another, of lengths found from their padding.
struct Tokens {
  std::vector<std::int32_t> ids, lengths;
  std::int64_t positions = 0;

  TokenView view() const {
    return {ids.data(), lengths.data(), positions, positions, static_cast<std::int64_t>(lengths.size())};
  }
};

struct Golden {
  std::map<std::string, Tokens> tokens;
  double loss = 0;
  std::map<std::string, std::vector<double>> values, gradients;
};

Tokens read_tokens(std::istream& line) {
  Tokens tokens;
  std::int64_t examples = 0;
  line >> examples >> tokens.positions;
  for (std::int64_t b = 0; b < examples; ++b) {
    tokens.lengths.push_back(0);
    for (std::int64_t t = 0; t < tokens.positions; ++t) {
      line >> tokens.ids.emplace_back();
      if (tokens.ids.back() != kPadding) ++tokens.lengths.back();
    }
  }
  return tokens;
}

Golden read_golden(const std::string& wanted) {
  std::ifstream file(GOLDEN_FILE);
  EXPECT_TRUE(file.is_open()) << GOLDEN_FILE;
  Golden golden;
  std::string current;
  for (std::string text; std::getline(file, text);) {
    std::istringstream line(text);
    std::string what;
    line >> what;
    if (what == "case") {
      line >> current;
    } else if (current != wanted) {
      continue;
    } else if (what == "loss") {
      line >> golden.loss;
    } else if (what == "value" || what == "gradient") {
      std::string name;
      std::size_t count = 0;
      line >> name >> count;
      auto& numbers = (what == "value" ? golden.values : golden.gradients)[name];
      numbers.resize(count);
      for (double& number : numbers) line >> number;
    } else {
      golden.tokens[what] = read_tokens(line);
    }
    EXPECT_FALSE(line.fail()) << text;
  }
  return golden;
}

void expect_same_step(const std::string& name, const ModelConfig& config) {
  const Golden golden = read_golden(name);
  const Model model(config);
  ParameterStore<double> store(model.layout());
  ASSERT_EQ(golden.values.size(), model.layout().ranges().size());
  for (const ParameterRange& range : model.layout().ranges()) {
    const auto& values = golden.values.at(range.name);
    ASSERT_EQ(values.size(), store.values(range).size()) << range.name;
    std::copy(values.begin(), values.end(), store.values(range).begin());
  }

  const auto view = [&](const char* which) {
    const auto found = golden.tokens.find(which);
    return found == golden.tokens.end() ? TokenView{} : found->second.view();
  };
  Tape<double> tape(store);
  const auto logits = model.logits(tape, token_batch(view("source"), view("input")), {});
  const auto loss = cross_entropy(logits, view("expected"), {.label_smoothing = 0.1});
  tape.backward(loss);

  Comparison comparison(1e-9);
  comparison.near("loss", {loss.data(), 1}, {&golden.loss, 1});
  for (const ParameterRange& range : model.layout().ranges()) {
    comparison.near("gradient of " + range.name, store.gradients(range), golden.gradients.at(range.name));
  }
}

TEST(Golden, ATransformerStepIsThatOfAnotherImplementation) {
  expect_same_step("transformer", {.layers = 2,
                                   .heads = 2,
                                   .d_model = 4,
                                   .d_ff = 6,
                                   .max_positions = 5,
                                   .source_vocabulary = 7,
                                   .target_vocabulary = 8});
}

TEST(Golden, ADecoderStepIsThatOfAnotherImplementation) {
  expect_same_step("decoder", {.model = "decoder",
                               .layers = 2,
                               .heads = 2,
                               .d_model = 4,
                               .d_ff = 6,
                               .positions = "learned",
                               .feed_forward = {.activation = "gelu"},
                               .initialisation = "normal",
                               .max_positions = 5,
                               .target_vocabulary = 8});
}

// Norms behind the sums, as the transformer was published, and the default scale where heads have a width of their own.
TEST(Golden, APostNormTransformerStepIsThatOfAnotherImplementation) {
  expect_same_step("transformer_post", {.layers = 1,
                                        .heads = 2,
                                        .d_model = 4,
                                        .d_head = 3,
                                        .d_ff = 6,
                                        .norm = "post",
                                        .feed_forward = {.activation = "gelu_tanh"},
                                        .max_positions = 5,
                                        .source_vocabulary = 7,
                                        .target_vocabulary = 8});
}

TEST(Golden, ATiedTransformerStepIsThatOfAnotherImplementation) {
  expect_same_step("transformer_tied", {.layers = 1,
                                        .heads = 2,
                                        .d_model = 4,
                                        .d_ff = 6,
                                        .tie = "all",
                                        .max_positions = 5,
                                        .source_vocabulary = 8,
                                        .target_vocabulary = 8});
}

TEST(Golden, APostNormDecoderStepIsThatOfAnotherImplementation) {
  expect_same_step("decoder_post_rms", {.model = "decoder",
                                        .layers = 1,
                                        .heads = 3,
                                        .d_model = 4,
                                        .d_head = 2,
                                        .d_ff = 6,
                                        .positions = "none",
                                        .norm = "post",
                                        .norm_kind = "rms",
                                        .feed_forward = {.activation = "silu"},
                                        .scale = "0.5",
                                        .initialisation = "normal",
                                        .max_positions = 5,
                                        .target_vocabulary = 8});
}

}  // namespace
}  // namespace tapehead
