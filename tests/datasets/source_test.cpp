#include "datasets/source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Sources, AreTheTasksAndTheReaders) {
  std::set<std::string> names;
  for (const DataSource& source : data_sources()) {
    EXPECT_TRUE(names.insert(source.name).second) << source.name << " is there twice";
    EXPECT_FALSE(source.description.empty()) << source.name;
    EXPECT_EQ(find_source(source.name).description, source.description);
    EXPECT_EQ(source.usual_length != nullptr, source.name != "images") << source.name << ": images have no length";
    if (source.usual_length) {
      EXPECT_GT(source.usual_length({}), 0) << source.name;
    }
  }
  for (const TaskSpec& task : task_specs()) {
    EXPECT_TRUE(names.contains(task.name));
    EXPECT_FALSE(find_source(task.name).reads_files());
  }
  EXPECT_TRUE(readers_of("train").starts_with("text")) << "what --train FILE alone chooses";
  EXPECT_TRUE(readers_of("text").starts_with("plain-text"));
  EXPECT_TRUE(find_source("text").reads_files());
  EXPECT_EQ(names.size(), task_specs().size() + reader_sources().size());
  EXPECT_THAT(std::string(reader_names()), HasSubstr("text"));
  EXPECT_THAT(
      [] { find_source("kopy"); },
      ThrowsMessage<ConfigError>(HasSubstr("task: \"kopy\" is none of copy, repeat, reverse, sort, text, images")));
}

TEST(Sources, MadeDataAreThoseOfTheTask) {
  DataOptions options;
  options.made = {.task = "copy", .symbols = 6, .min_length = 3, .max_length = 7, .validation = 20, .test = 20};
  for (const TaskSpec& task : task_specs()) {
    const std::unique_ptr<Dataset> data = find_source(task.name).open(options, {});
    EXPECT_EQ(data->digest(), MadeDataset(task, options.made).digest()) << task.name;
    EXPECT_EQ(data->reading(), nullptr);
  }
}

TEST(Sources, MadeWordsMustBeThoseOfATrainedModel) {
  DataOptions options;
  options.made = {.symbols = 3, .min_length = 3, .max_length = 9, .validation = 5, .test = 5};
  const Vocabulary three({"0", "1", "2"});
  EXPECT_NO_THROW(find_source("copy").open(options, Vocabularies{three, three}));
  EXPECT_THAT(
      [&] {
        find_source("copy").open(options, Vocabularies{three, Vocabulary({"0", "1"})});
      },
      ThrowsMessage<DataError>("task copy: its words are not those that the model was trained with"));
}

TEST(Lines, OfSymbolsAreSplitAtSpacesAndRefuseWhatIsNoSymbol) {
  const LineFormat lines = find_source("copy").lines({});
  const Vocabulary symbols({"0", "1", "2"});
  EXPECT_THAT(encode(lines, symbols, " 2  0 1"), ElementsAre(6, 4, 5));
  EXPECT_THAT(encode(lines, symbols, ""), testing::IsEmpty());
  EXPECT_EQ(lines.line(std::vector<std::string>{"2", "0"}), "2 0");
  EXPECT_THAT([&] { encode(lines, symbols, "0 7"); },
              ThrowsMessage<DataError>("\"7\" is no symbol that the model knows"));
  EXPECT_THAT([&] { encode(lines, symbols, "\xff"); }, ThrowsMessage<DataError>("the line is not UTF-8"));
}

TEST(Lines, OfTextAreTokenisedAndMayHoldUnknownWords) {
  DataOptions options;
  const Vocabulary words({"good", "day", "."});
  const LineFormat by_words = find_source("text").lines(options);
  EXPECT_THAT(encode(by_words, words, "good night."), ElementsAre(4, kUnknown, 6));
  EXPECT_EQ(by_words.line(std::vector<std::string>{"good", "day", "."}), "good day.");
  EXPECT_THAT([&] { encode(by_words, words, "good\tday"); }, ThrowsMessage<DataError>(HasSubstr("holds a tab")));
  options.text.tokenizer = Tokenizer::characters;
  const LineFormat by_characters = find_source("text").lines(options);
  EXPECT_THAT(by_characters.words("ab"), ElementsAre("a", "b"));
  EXPECT_EQ(by_characters.line(std::vector<std::string>{"a", "b"}), "ab");
  EXPECT_GT(find_source("text").usual_length(options), find_source("text").usual_length({}));
}

}  // namespace
}  // namespace tapehead
