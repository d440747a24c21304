// Texts that go on beyond what a model reads at once, against reading everything anew for each token.

#include "trainers/decoding/continuation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "autograd/base/batch_view.hpp"
#include "autograd/tape.hpp"
#include "layers/pass.hpp"
#include "trainers/decoding/decoding.hpp"

namespace tapehead {
namespace {

using testing::Each;
using testing::SizeIs;

constexpr std::int64_t kPositions = 9;

class Continuation : public testing::TestWithParam<const char*> {
 protected:
  Continuation()
      : model_({.model = GetParam(),
                .layers = 1,
                .heads = 2,
                .d_model = 8,
                .d_ff = 8,
                .max_positions = kPositions,
                .target_vocabulary = 12}),
        parameters_(model_.layout()) {
    parameters_.initialise(3);
  }

  Texts texts(const Texts& beginnings, const SearchRequest& request, const char* search = "greedy") {
    return continue_texts(model_, parameters_, beginnings, request, find_search(search));
  }

  // The likeliest token behind some.
  std::int32_t next(const std::vector<std::int32_t>& read) {
    Tape<double> tape(parameters_);
    const NoGrad<double> no_grad(tape);
    const auto length = static_cast<std::int32_t>(read.size());
    const TokenView input{read.data(), &length, length, length, 1};
    const BatchView batch({.input = input}, {Column::input}, "a text", 1, 0);
    const Var<double> logits = model_.logits(tape, batch, Pass{});
    return likeliest_token(logits.data() + logits.shape().rows * (length - 1), logits.shape().rows);
  }

  std::vector<std::int32_t> plainly(std::vector<std::int32_t> text, std::int64_t length) {
    std::vector<std::int32_t> written;
    std::vector<std::int32_t> read = text;
    while (std::ssize(written) < length) {
      if (std::ssize(read) > kPositions) read.assign(read.end() - kPositions / 2, read.end());
      const std::int32_t token = next(read);
      if (token == kEnd) break;
      written.push_back(token);
      read.push_back(token);
    }
    return written;
  }

  // No text ends by itself.
  void never_end() { parameters_.values(*model_.layout().find("output.bias"))[kEnd] = -100; }

  Model model_;
  ParameterStore<double> parameters_;
};

TEST_P(Continuation, WritesWhatReadingAnewWrites) {
  never_end();
  const Texts beginnings{{4}, {kStart, 5, 6, 7}, {11, 10, 9, 8, 7, 6, 5, 4, 5}, std::vector<std::int32_t>(23, 6)};
  for (const std::int64_t length : {1, 5, 40}) {
    const Texts written = texts(beginnings, {.max_length = length});
    for (std::size_t i = 0; i < beginnings.size(); ++i) {
      EXPECT_EQ(written[i], plainly(beginnings[i], length)) << "text " << i << " of " << length;
      EXPECT_THAT(written[i], SizeIs(static_cast<std::size_t>(length)));
    }
  }
  EXPECT_THAT(texts(beginnings, {.max_length = 0}), Each(SizeIs(0)));
}

TEST_P(Continuation, ATextEndsWhereItsEndIsLikeliest) {
  Texts beginnings;
  for (std::int32_t a = 4; a < 12; ++a) {
    for (std::int32_t b = 4; b < 12; ++b) beginnings.push_back({kStart, a, b});
  }
  const bool convolution = std::string(GetParam()) == "convolution_decoder";
  parameters_.values(*model_.layout().find("output.bias"))[kEnd] = convolution ? -0.5 : 0.5;
  const Texts written = texts(beginnings, {.max_length = 30});
  std::size_t ended = 0;
  for (std::size_t i = 0; i < beginnings.size(); ++i) {
    EXPECT_EQ(written[i], plainly(beginnings[i], 30)) << i;
    ended += written[i].size() < 30;
  }
  EXPECT_GT(ended, 5U) << "else this says little";
  EXPECT_LT(ended, beginnings.size());
}

// What is drawn follows from seed, number and place: never from the other texts, and no turn draws what another drew.
TEST_P(Continuation, ADrawnTextDependsOnNoOther) {
  never_end();
  const Texts beginnings{{4}, {5, 6}, std::vector<std::int32_t>(23, 6), {4}};
  const Texts together = texts(beginnings, {.max_length = 60, .seed = 7}, "sample");
  EXPECT_NE(together[0], together[3]) << "by another number";
  for (std::int64_t i = 0; i < std::ssize(beginnings); ++i) {
    const Texts alone = texts({beginnings[static_cast<std::size_t>(i)]},
                              {.max_length = 60, .seed = 7, .numbers = std::span(&i, 1)}, "sample");
    EXPECT_EQ(alone.front(), together[static_cast<std::size_t>(i)]) << i;
  }
  // All tokens alike: a turn that drew the same numbers would repeat the one before.
  for (double& value : parameters_.values(*model_.layout().find("output.weight"))) value = 0;
  const std::vector<std::int32_t> even = texts({{4}}, {.max_length = 60, .seed = 7}, "sample").front();
  for (std::int64_t period = 1; period <= 20; ++period) {
    EXPECT_FALSE(std::equal(even.begin() + period, even.end(), even.begin())) << period;
  }
}

INSTANTIATE_TEST_SUITE_P(Families, Continuation, testing::Values("decoder", "rnn_decoder", "convolution_decoder"));

}  // namespace
}  // namespace tapehead
