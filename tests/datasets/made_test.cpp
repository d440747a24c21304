#include "datasets/made.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "autograd/base/errors.hpp"
#include "datasets/digest.hpp"

namespace tapehead {
namespace {

using Sequence = std::vector<std::int32_t>;

MadeOptions small() {
  return {.task = "reverse", .symbols = 6, .min_length = 3, .max_length = 7, .validation = 200, .test = 300};
}

Batch room_for(const Dataset& data, std::int64_t examples) {
  Batch batch;
  batch.reserve(examples, data.shape());
  return batch;
}

// The examples of a batch without their marks.
std::vector<SequencePair> pairs_of(const Batch& batch) {
  std::vector<SequencePair> pairs;
  for (std::int64_t b = 0; b < batch.examples(); ++b) {
    SequencePair& pair = pairs.emplace_back();
    for (std::int64_t t = 0; t + 1 < batch.source().lengths[b]; ++t) pair.source.push_back(batch.source()(t, b));
    for (std::int64_t t = 1; t < batch.input().lengths[b]; ++t) pair.target.push_back(batch.input()(t, b));
  }
  return pairs;
}

std::vector<SequencePair> training(const Dataset& data, std::uint64_t seed, std::uint64_t step, std::int64_t examples) {
  Batch batch = room_for(data, examples);
  data.fill_training_batch(seed, step, examples, batch);
  return pairs_of(batch);
}

std::vector<Sequence> sources(const std::vector<SequencePair>& pairs) {
  std::vector<Sequence> found;
  found.reserve(pairs.size());
  for (const SequencePair& pair : pairs) found.push_back(pair.source);
  return found;
}

std::vector<SequencePair> held_out(const Dataset& data, Split split) {
  std::vector<SequencePair> pairs;
  for (std::int64_t i = 0; i < data.size(split); ++i) pairs.push_back(data.example(split, i));
  return pairs;
}

// So few sequences that chance alone would let about a thousand of the draws be held-out ones.
TEST(MadeDataset, NoTrainingSequenceIsEverHeldOut) {
  const MadeDataset data(small());
  std::set<Sequence> kept;
  for (const Split split : {Split::validation, Split::test}) {
    for (const SequencePair& pair : held_out(data, split)) kept.insert(pair.source);
  }
  EXPECT_EQ(kept.size(), 500U);
  std::set<Sequence> seen;
  for (const std::uint64_t seed : {1, 2}) {
    for (const SequencePair& pair : training(data, seed, 1, 15000)) {
      ASSERT_FALSE(kept.contains(pair.source));
      seen.insert(pair.source);
    }
  }
  EXPECT_GT(seen.size(), 5000U);
}

TEST(MadeDataset, HeldOutSequencesStayHeldOutWhateverTheSizesOfTheSplits) {
  MadeOptions fewer = small();
  fewer.validation = 0;
  fewer.test = 0;
  const MadeDataset without(fewer);
  const MadeDataset data(small());
  EXPECT_EQ(sources(training(without, 1, 1, 500)), sources(training(data, 1, 1, 500)));
}

TEST(MadeDataset, HeldOutSetsAreDistinctAndOfEveryLength) {
  const MadeDataset data(small());
  for (const Split split : {Split::validation, Split::test}) {
    std::map<std::size_t, int> lengths;
    for (const SequencePair& pair : held_out(data, split)) ++lengths[pair.source.size()];
    for (std::size_t length = 4; length <= 7; ++length) {
      EXPECT_GE(lengths[length], data.size(split) / 5) << length;  // even, but for what length 3 cannot give
    }
    EXPECT_GT(lengths[3], 0);
    EXPECT_EQ(lengths.size(), 5U);
  }
  EXPECT_EQ(data.size(Split::validation), 200);
  EXPECT_EQ(data.size(Split::test), 300);
}

// Short lengths have few sequences or none in a split: they run out, and the longer ones make up for them.
TEST(MadeDataset, LengthsThatRunOutGiveNoSequenceTwice) {
  for (std::int64_t symbols = 4; symbols <= 30; ++symbols) {
    const MadeDataset data({.symbols = symbols, .min_length = 1, .max_length = 7, .validation = 100, .test = 150});
    std::set<Sequence> seen;
    for (const Split split : {Split::validation, Split::test}) {
      for (const SequencePair& pair : held_out(data, split)) {
        EXPECT_TRUE(seen.insert(pair.source).second) << symbols << " symbols, length " << pair.source.size();
      }
    }
    EXPECT_EQ(seen.size(), 250U);
  }
}

TEST(MadeDataset, HeldOutSetsAreTheSameInEveryObject) {
  const MadeDataset data(small());
  const MadeDataset other(small());
  for (const Split split : {Split::validation, Split::test}) {
    EXPECT_EQ(sources(held_out(data, split)), sources(held_out(other, split)));
  }
}

TEST(MadeDataset, ABatchIsAFunctionOfSeedAndStep) {
  const MadeDataset data(small());
  const MadeDataset other(small());
  Batch batch = room_for(data, 40);
  std::map<std::uint64_t, std::vector<Sequence>> forwards;
  for (const std::uint64_t step : {1, 2, 3}) {
    data.fill_training_batch(5, step, 40, batch);
    forwards[step] = sources(pairs_of(batch));
  }
  for (const std::uint64_t step : {3, 1, 2}) {
    EXPECT_EQ(sources(training(data, 5, step, 40)), forwards[step]);
    EXPECT_EQ(sources(training(other, 5, step, 40)), forwards[step]);
  }
  EXPECT_NE(forwards[1], forwards[2]);
  EXPECT_NE(forwards[2], forwards[3]);
  EXPECT_NE(sources(training(data, 6, 1, 40)), forwards[1]);
}

TEST(MadeDataset, ASmallerBatchBeginsLikeALargerOne) {
  const MadeDataset data(small());
  auto larger = sources(training(data, 5, 1, 40));
  larger.resize(15);
  EXPECT_EQ(sources(training(data, 5, 1, 15)), larger);
}

TEST(MadeDataset, TrainingLengthsAndSymbolsAreUniform) {
  const MadeDataset data({.task = "copy", .symbols = 10, .min_length = 5, .max_length = 8, .validation = 0, .test = 0});
  const double draws = 20000;
  std::map<std::size_t, double> lengths;
  std::map<std::int32_t, double> symbols;
  double tokens = 0;
  for (const SequencePair& pair : training(data, 1, 1, 20000)) {
    ++lengths[pair.source.size()];
    for (const std::int32_t id : pair.source) ++symbols[id];
    tokens += static_cast<double>(pair.source.size());
  }
  ASSERT_EQ(lengths.size(), 4U);
  ASSERT_EQ(symbols.size(), 10U);
  EXPECT_EQ(symbols.begin()->first, kFirstFreeId);
  for (const auto& [length, count] : lengths)
    EXPECT_NEAR(count / draws, 0.25, 5 * std::sqrt(0.25 * 0.75 / draws)) << length;
  for (const auto& [id, count] : symbols) EXPECT_NEAR(count / tokens, 0.1, 5 * std::sqrt(0.1 * 0.9 / tokens)) << id;
}

TEST(MadeDataset, TargetsFollowTheRule) {
  for (const std::string task : {"copy", "reverse"}) {
    MadeOptions options = small();
    options.task = task;
    const MadeDataset data(options);
    auto pairs = training(data, 1, 1, 100);
    for (const Split split : {Split::validation, Split::test}) {
      for (SequencePair& pair : held_out(data, split)) pairs.push_back(std::move(pair));
    }
    ASSERT_EQ(pairs.size(), 600U);
    for (const SequencePair& pair : pairs) {
      Sequence expected = pair.source;
      if (task == "reverse") std::ranges::reverse(expected);
      ASSERT_EQ(pair.target, expected) << task;
    }
  }
}

// The data of a task stay what they are: digests as the first version had them.
TEST(MadeDataset, DataStayWhatTheyWere) {
  const auto digest_of = [](const std::string& task, MadeOptions options) {
    options.task = task;
    return MadeDataset(options).digest();
  };
  const MadeOptions crowded{.symbols = 4, .min_length = 1, .max_length = 7, .validation = 100, .test = 150};
  EXPECT_EQ(digest_of("copy", {}), 0xddb6c0ee8c25a355U);
  EXPECT_EQ(digest_of("copy", crowded), 0xfbed5c45229c84a8U);
  EXPECT_EQ(digest_of("reverse", {}), 0x236a9d23919c4f90U);
  EXPECT_EQ(digest_of("reverse", crowded), 0x15cb30ebbdd75771U);

  const auto training_digest = [](const std::string& task) {
    const MadeDataset data({.task = task});
    Batch batch = room_for(data, 50);
    std::uint64_t digest = 0;
    for (std::uint64_t step = 1; step <= 20; ++step) {
      data.fill_training_batch(9, step, 50, batch);
      for (const TokenView& view : {batch.source(), batch.expected()}) {
        digest = digest_ids({view.ids, static_cast<std::size_t>(view.stride * view.examples)}, digest);
      }
    }
    return digest;
  };
  EXPECT_EQ(training_digest("copy"), 0x3805501d98f5d43aU);
  EXPECT_EQ(training_digest("reverse"), 0xd8e408f2fe8965edU);
}

TEST(MadeDataset, SymbolsAreTheVocabulary) {
  const MadeDataset data(small());
  EXPECT_EQ(data.source_vocabulary().size(), 6 + kFirstFreeId);
  EXPECT_EQ(data.source_vocabulary().word(kFirstFreeId), "0");
  EXPECT_EQ(&data.source_vocabulary(), &data.target_vocabulary());
  EXPECT_EQ(data.max_source_length(), 7);
  EXPECT_EQ(data.max_target_length(), 7);
}

TEST(MadeDataset, DigestChangesWithEveryOption) {
  std::set<std::uint64_t> digests{MadeDataset(small()).digest()};
  const auto differs = [&](const char* what, auto change) {
    MadeOptions options = small();
    change(options);
    EXPECT_TRUE(digests.insert(MadeDataset(options).digest()).second) << what;
  };
  differs("task", [](MadeOptions& o) { o.task = "copy"; });
  differs("symbols", [](MadeOptions& o) { o.symbols = 7; });
  differs("min_length", [](MadeOptions& o) { o.min_length = 4; });
  differs("max_length", [](MadeOptions& o) { o.max_length = 8; });
  differs("validation", [](MadeOptions& o) { o.validation = 199; });
  differs("test", [](MadeOptions& o) { o.test = 299; });
  EXPECT_TRUE(digests.contains(MadeDataset(small()).digest()));
}

TEST(MadeDataset, ASpaceTooSmallIsRefusedInOneLine) {
  const auto refused = [](const MadeOptions& options, const std::string& message) {
    try {
      const MadeDataset data(options);
      FAIL() << message;
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr(message));
      EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("\n")));
    }
  };
  refused({.symbols = 2, .min_length = 1, .max_length = 3}, "14 sequences of 2 symbols and lengths 1 to 3 are too few");
  refused({.symbols = 1, .min_length = 1, .max_length = 4096}, "are too few");
  refused({.symbols = 3, .min_length = 5, .max_length = 5, .validation = 100, .test = 0}, "are too few");
  // Of one symbol each length has one sequence, and one in ten of those is held out.
  refused({.symbols = 1, .min_length = 1, .max_length = 400, .validation = 0, .test = 0}, "none is left to train on");
}

// Whatever tiny space is accepted can be trained on: drawing a batch comes to an end, and every length is drawn.
TEST(MadeDataset, AnAcceptedSpaceCanBeTrainedOn) {
  int accepted = 0;
  for (std::int64_t symbols = 1; symbols <= 4; ++symbols) {
    for (std::int64_t length = 1; length <= 4; ++length) {
      const MadeOptions options{.symbols = symbols, .min_length = 1, .max_length = length, .validation = 0, .test = 0};
      try {
        const MadeDataset data(options);
        std::set<std::size_t> lengths;
        for (const SequencePair& pair : training(data, 1, 1, 200)) lengths.insert(pair.source.size());
        EXPECT_EQ(std::ssize(lengths), length) << symbols << " symbols";
        ++accepted;
      } catch (const ConfigError&) {
      }
    }
  }
  EXPECT_GT(accepted, 8);
}

TEST(MadeDataset, AbsurdOptionsAreRefused) {
  const auto refused = [](auto change, const std::string& message) {
    MadeOptions options = small();
    change(options);
    EXPECT_THAT([&] { MadeDataset{options}; }, testing::ThrowsMessage<ConfigError>(testing::HasSubstr(message)));
  };
  refused([](MadeOptions& o) { o.task = "no such task"; }, "\"no such task\" is none of copy, repeat, reverse");
  refused([](MadeOptions& o) { o.symbols = 0; }, "symbols");
  refused([](MadeOptions& o) { o.symbols = -5; }, "symbols");
  refused([](MadeOptions& o) { o.symbols = 3'000'000'000; }, "symbols");
  refused([](MadeOptions& o) { o.min_length = 0; }, "min-length 0 and max-length 7");
  refused([](MadeOptions& o) { o.max_length = 2; }, "min-length 3 and max-length 2");
  refused([](MadeOptions& o) { o.max_length = 1'000'000; }, "max-length 1000000");
  refused([](MadeOptions& o) { o.validation = -1; }, "validation-size (-1)");
  refused([](MadeOptions& o) { o.test = -1; }, "test-size (-1)");
}

TEST(Splits, AreParsedByName) {
  EXPECT_EQ(parse_split("validation"), Split::validation);
  EXPECT_EQ(parse_split("test"), Split::test);
  EXPECT_THAT([] { parse_split("train"); },
              testing::ThrowsMessage<ConfigError>(testing::HasSubstr("\"train\" is none of validation, test")));
}

}  // namespace
}  // namespace tapehead
