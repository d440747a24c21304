#include "datasets/vocabularies/vocabulary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <unordered_map>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

using testing::ElementsAre;
using Lines = std::vector<std::vector<std::string>>;

Vocabulary of_lines(const Lines& lines, std::int64_t min_count, std::int64_t max_words) {
  std::unordered_map<std::string_view, std::int64_t> counts;
  for (const auto& line : lines) {
    for (const std::string& word : line) ++counts[word];
  }
  std::vector<WordCount> seen;
  for (const auto& [word, count] : counts) seen.push_back({word, count});
  return Vocabulary::most_frequent(std::move(seen), min_count, max_words);
}

TEST(Vocabulary, ReservedIdsAreNeverGivenToWords) {
  const Lines lines{{"<pad>", "<s>", "</s>", "<unk>", "word"}, {"</s>", "</s>"}};
  const Vocabulary vocabulary = of_lines(lines, 1, 0);
  std::set<std::int32_t> ids;
  for (const std::string& word : lines[0]) {
    const std::int32_t id = vocabulary.id(word);
    EXPECT_GE(id, kFirstFreeId) << word;
    EXPECT_EQ(vocabulary.word(id), word);
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 5U);
}

TEST(Vocabulary, AWordSpelledLikeAReservedOneIsUnknownIfTheDataHasNone) {
  const Vocabulary vocabulary({"a"});
  for (const char* word : {"<pad>", "<s>", "</s>", "<unk>", ""}) EXPECT_EQ(vocabulary.id(word), kUnknown) << word;
}

TEST(Vocabulary, FrequentWordsComeFirstAndEqualOnesInByteOrder) {
  const Lines lines{{"b", "a", "c", "c"}, {"Z", "c", "b", "é"}, {"a"}};
  const Vocabulary vocabulary = of_lines(lines, 1, 0);
  EXPECT_THAT(vocabulary.words(), ElementsAre("c", "a", "b", "Z", "é"));
  EXPECT_EQ(vocabulary.id("c"), kFirstFreeId);
  EXPECT_EQ(vocabulary.id("é"), kFirstFreeId + 4);
  EXPECT_EQ(vocabulary.size(), 9);
}

TEST(Vocabulary, RareWordsAreLeftOut) {
  const Lines lines{{"a", "a", "a", "b", "b", "c"}};
  EXPECT_THAT(of_lines(lines, 2, 0).words(), ElementsAre("a", "b"));
  EXPECT_THAT(of_lines(lines, 4, 0).words(), ElementsAre());
  EXPECT_EQ(of_lines(lines, 2, 0).id("c"), kUnknown);
}

TEST(Vocabulary, TheMostFrequentAreKeptUpToTheLimit) {
  const Lines lines{{"a", "b", "b", "c", "c", "d", "d", "d"}};
  EXPECT_THAT(of_lines(lines, 1, 2).words(), ElementsAre("d", "b"));
  EXPECT_THAT(of_lines(lines, 1, 4).words(), ElementsAre("d", "b", "c", "a"));
  EXPECT_THAT(of_lines(lines, 1, 9).words(), ElementsAre("d", "b", "c", "a"));
}

TEST(Vocabulary, WordsThatNeverOccurAreNoneOfIt) {
  EXPECT_THAT(Vocabulary::most_frequent({{"a", 0}, {"b", 1}}, 0, 0).words(), ElementsAre("b"));
}

TEST(Vocabulary, IdsAndWordsAreInverse) {
  const Vocabulary vocabulary({"a", "b", "c"});
  const std::vector<std::string> words{"c", "a", "a", "b"};
  EXPECT_THAT(vocabulary.ids(words), ElementsAre(6, 4, 4, 5));
  EXPECT_EQ(vocabulary.words_of(vocabulary.ids(words)), words);
}

TEST(Vocabulary, ReservedIdsHaveSpellings) {
  EXPECT_THAT(Vocabulary().words_of(std::vector<std::int32_t>{kPadding, kStart, kEnd, kUnknown}),
              ElementsAre("<pad>", "<s>", "</s>", "<unk>"));
  EXPECT_EQ(Vocabulary().size(), 4);
}

TEST(Vocabulary, AWordTwiceIsRefused) {
  EXPECT_THAT(
      [] {
        Vocabulary({"a", "b", "a"});
      },
      testing::ThrowsMessage<DataError>(testing::HasSubstr("\"a\" stands there twice")));
}

TEST(Vocabulary, AnIdOutsideIsRefused) {
  const Vocabulary vocabulary({"a"});
  EXPECT_EQ(vocabulary.word(4), "a");
  for (const std::int32_t id : {-1, 5}) EXPECT_THROW(vocabulary.word(id), DataError) << id;
}

}  // namespace
}  // namespace tapehead
