#include "datasets/task.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "autograd/base/errors.hpp"
#include "datasets/made.hpp"
#include "datasets/tasks/symbols.hpp"
#include "tests/support/larger_channel.hpp"
#include "tests/support/task_check.hpp"

namespace tapehead {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

MadeOptions small() { return {.symbols = 6, .min_length = 3, .max_length = 7, .validation = 100, .test = 100}; }

TEST(Tasks, DoWhatTheirReferencesSay) {
  EXPECT_GE(task_specs().size(), 3U);
  for (const TaskSpec& task : task_specs()) EXPECT_THAT(task_faults(task, small()), IsEmpty());
}

TEST(Tasks, AreFoundByName) {
  for (const TaskSpec& task : task_specs()) EXPECT_EQ(find_task(task.name).description, task.description);
  EXPECT_THAT([] { find_task("kopy"); },
              testing::ThrowsMessage<ConfigError>(HasSubstr("task: \"kopy\" is none of copy, repeat, reverse, sort")));
}

TEST(Tasks, HeldOutExamplesFallIntoTheirSlices) {
  MadeOptions options = small();
  options.task = "sort";
  const MadeDataset data(options);
  ASSERT_EQ(data.slices().size(), 1U);
  const Slice& slice = data.slices().front();
  EXPECT_EQ(slice.name, "length");
  EXPECT_EQ(slice.of({.source = {4, 5, 6}}), 3);
  std::map<std::int64_t, int> sizes;
  for (std::int64_t i = 0; i < data.size(Split::test); ++i) ++sizes[slice.of(data.example(Split::test, i))];
  EXPECT_EQ(sizes.size(), 5U);
  EXPECT_EQ(data.headline(), "exact_match");
}

TEST(Tasks, MayHaveOptionsOfTheirOwn) {
  MadeOptions options = small();
  options.task = "repeat";
  const MadeDataset twice(options);
  EXPECT_EQ(twice.shape().target, 14) << "the default";
  options.own = {{"repeats", "3"}};
  const MadeDataset thrice(options);
  EXPECT_EQ(thrice.shape().target, 21);
  const SequencePair example = thrice.example(Split::test, 0);
  EXPECT_EQ(example.target.size(), 3 * example.source.size());
  EXPECT_NE(thrice.digest(), twice.digest());
  EXPECT_THAT(task_faults(find_task("repeat"), options), IsEmpty());
  options.own = {{"repeats", "65"}};
  EXPECT_THAT([&] { MadeDataset{options}; }, testing::ThrowsMessage<ConfigError>(HasSubstr("repeats: ")));
  EXPECT_THAT([&] { options.own.integer("times"); },
              testing::ThrowsMessage<ConfigError>("there is no option \"times\" here"));
}

TEST(Tasks, MayHaveOptionsOfEveryKind) {
  TaskSpec task = find_task("copy");
  task.options = {
      {.name = "noise", .kind = OptionKind::real, .fallback = "0.5", .range = NumberRange::share(), .help = "noise"},
      {.name = "order", .kind = OptionKind::word, .fallback = "up", .choices = "up down", .help = "order"},
      {.name = "twice", .kind = OptionKind::flag, .help = "all of it two times"}};
  task.shape = [](const MadeOptions& options) {
    return ExampleShape{.source = options.max_length, .target = options.own.flag("twice") ? 20 : 10};
  };
  MadeOptions options = small();
  const MadeOptions unset = with_own_options(task, options);
  EXPECT_EQ(std::tuple(unset.own.real("noise"), unset.own.text("order"), unset.own.flag("twice")),
            std::tuple(0.5, "up", false));
  EXPECT_EQ(MadeDataset(task, options).shape().target, 10);

  // The way that the program takes: each is a field, and its canonical text is set.
  for (const auto& [name, value] : {std::pair("noise", ".25"), {"order", "down"}, {"twice", ""}}) {
    const OptionSpec& option = *std::ranges::find(task.options, name, &OptionSpec::name);
    const Field<MadeOptions> field{Member<MadeOptions>(&MadeOptions::own, name), option};
    EXPECT_EQ(field.option.kind, option.kind) << name;
    field.member.set(options, canonical_value(field.option, value));
  }
  EXPECT_EQ(std::tuple(options.own.real("noise"), options.own.text("order"), options.own.flag("twice")),
            std::tuple(0.25, "down", true));
  EXPECT_EQ(MadeDataset(task, options).shape().target, 20);
  EXPECT_NE(MadeDataset(task, options).digest(), MadeDataset(task, small()).digest());

  for (const auto& [name, value] : {std::pair("noise", "1"), {"order", "left"}, {"twice", "maybe"}}) {
    MadeOptions wrong = small();
    wrong.own.set(name, value);
    EXPECT_THAT([&] { (MadeDataset(task, wrong)); },
                testing::ThrowsMessage<ConfigError>(HasSubstr(std::string(name) + ": ")));
  }
}

TEST(Tasks, SayOfWhichKindTheirOptionsAre) {
  for (const TaskSpec& task : task_specs()) {
    for (const OptionSpec& option : task.options) {
      EXPECT_NE(option.kind, OptionKind::text) << "option " << option.name << " of task " << task.name;
    }
  }
}

TEST(Tasks, MayHaveTargetsOfOtherWords) {
  TaskSpec task = find_task("copy");
  task.target_vocabulary = [](const MadeOptions& options) {
    std::vector<std::string> words;
    for (std::int64_t i = 0; i < options.symbols; ++i) words.push_back(std::string(1, static_cast<char>('a' + i)));
    return Vocabulary(std::move(words));
  };
  const MadeDataset data(task, small());
  EXPECT_EQ(data.source_vocabulary().word(kFirstFreeId + 2), "2");
  EXPECT_EQ(data.target_vocabulary().word(kFirstFreeId + 2), "c");
  EXPECT_EQ(batch_layout(data, true), BatchLayout::encoder_decoder);
  EXPECT_THAT(
      [&] { batch_layout(data, false); },
      testing::ThrowsMessage<ConfigError>("task copy has two vocabularies, and a model without an encoder has one"));
  EXPECT_EQ(batch_layout(MadeDataset(find_task("copy"), small()), false), BatchLayout::decoder_only);
}

// Else the program could not tell them apart, or would take them for those of all made tasks.
TEST(Tasks, TheirOptionsAreWholeAndGoByNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (const Field<MadeOptions>& field : MadeOptions::fields()) {
    EXPECT_TRUE(names.insert(field.option.name).second) << field.option.name << " is there twice";
  }
  for (const TaskSpec& task : task_specs()) {
    for (const OptionSpec& option : task.options) {
      EXPECT_TRUE(names.contains(option.name)) << option.name;
      EXPECT_FALSE(option.fallback.empty()) << option.name;
      EXPECT_FALSE(option.help.empty()) << option.name;
    }
  }
}

// One fault each; what is said names the task and what to do.
class BrokenTask : public testing::Test {
 protected:
  TaskSpec task_ = [] {
    TaskSpec copy = find_task("copy");
    copy.name = "broken";
    return copy;
  }();

  std::string fault() const {
    const std::vector<std::string> faults = task_faults(task_, small());
    return faults.empty() ? "none" : faults.front();
  }
};

TEST_F(BrokenTask, IsWholeBeforeItIsBroken) { EXPECT_EQ(fault(), "none"); }

TEST_F(BrokenTask, WithoutAReferenceIsToldWhereToPutOne) {
  task_.reference = nullptr;
  EXPECT_EQ(fault(), "task broken has no reference: add .reference to task_broken() in datasets/tasks/broken.cpp");
}

TEST_F(BrokenTask, WithoutADescriptionOrARuleIsIncomplete) {
  task_.description.clear();
  EXPECT_THAT(fault(), HasSubstr("task broken has no description"));
  task_ = find_task("copy");
  task_.make = nullptr;
  EXPECT_THAT(fault(), HasSubstr("task copy has no make"));
}

TEST_F(BrokenTask, ThatMakesSomethingElseIsSeen) {
  task_.make = find_task("reverse").make;
  EXPECT_THAT(fault(), HasSubstr("task broken and its reference differ on "));
}

TEST_F(BrokenTask, WithIdsOutsideItsVocabularyIsSeen) {
  task_.make = [](ExampleStream& stream, const MadeOptions& options, ExampleWriter& out) {
    write_symbols(stream, options, out);
    std::ranges::fill(out.target(1), kEnd);
  };
  EXPECT_EQ(fault(), "task broken wrote the id 2 into a target, whose vocabulary has 4 to 9");
}

TEST_F(BrokenTask, ThatDependsOnWhatWasMadeBeforeIsSeen) {
  task_.make = [](ExampleStream& stream, const MadeOptions& options, ExampleWriter& out) {
    static std::int32_t turn = 0;
    write_symbols(stream, options, out);
    std::ranges::fill(out.target(1), kFirstFreeId + turn++ % 5);
  };
  EXPECT_THAT(fault(), HasSubstr("task broken makes another example of the same stream"));
}

TEST_F(BrokenTask, ThatMakesOneExampleOnlyIsSeen) {
  task_.make = [](ExampleStream&, const MadeOptions&, ExampleWriter& out) {
    std::ranges::fill(out.source(3), kFirstFreeId);
    std::ranges::fill(out.target(3), kFirstFreeId);
  };
  task_.slices.clear();
  EXPECT_EQ(fault(), "task broken makes one example again and again");
}

TEST_F(BrokenTask, WithSlicesThatDivideNothingIsSeen) {
  task_.slices.push_back({"length", [](const SequencePair& example) { return std::ssize(example.target); }});
  EXPECT_EQ(fault(), "task broken has two slices called length");
  task_.slices.back() = {"", nullptr};
  EXPECT_EQ(fault(), "task broken has a slice without a name or a function");
  task_.slices.back() = {"depth", [](const SequencePair&) { return std::int64_t{1}; }};
  EXPECT_EQ(fault(), "task broken has a slice depth that holds every example alike");
}

TEST_F(BrokenTask, LongerThanItSaidIsRefusedWhereItIsMade) {
  task_.make = [](ExampleStream& stream, const MadeOptions& options, ExampleWriter& out) {
    write_symbols(stream, options, out);
    out.target(options.max_length + 1);
  };
  EXPECT_THAT(
      [&] { MadeDataset(task_, small()); },
      testing::ThrowsMessage<DataError>("task broken: wrote a target of length 8, and the longest was to be 7"));
}

TEST(Tasks, MayBeOfNumbersAndLabels) {
  const MadeOptions options = small();
  EXPECT_THAT(task_faults(larger_channel(), options), IsEmpty());
  const MadeDataset data(larger_channel(), options);
  EXPECT_EQ(data.size(Split::test), 100);
  Batch batch;
  batch.reserve(32, data.shape());
  data.fill_training_batch(1, 1, 32, batch);
  const BatchView view = batch.view();
  EXPECT_EQ(view.examples(), 32);
  EXPECT_EQ(view.labels().examples, 32);
  std::int64_t ones = 0;
  for (std::int64_t b = 0; b < 32; ++b) {
    double difference = 0;
    for (std::int64_t t = 0; t < view.features().lengths[b]; ++t) {
      difference += view.features()(1, t, b) - view.features()(0, t, b);
    }
    EXPECT_EQ(view.labels()(b), difference > 0 ? 1 : 0) << b;
    ones += view.labels()(b);
  }
  EXPECT_GT(ones, 4);
  EXPECT_LT(ones, 28);
  EXPECT_THAT([&] { view.source(); },
              testing::ThrowsMessage<ConfigError>("this model reads `source`, and task larger-channel has none; it has "
                                                  "`features`, `labels`"));
}

// A language: a word and, after a gap, the same word, which alone counts.
TaskSpec echo() {
  TaskSpec task = symbol_task({.name = "echo",
                               .description = "a sequence twice, of which the second time counts",
                               .shape =
                                   [](const MadeOptions& options) {
                                     return ExampleShape{.has_source = false, .target = 2 * options.max_length};
                                   },
                               .make =
                                   [](ExampleStream& stream, const MadeOptions& options, ExampleWriter& out) {
                                     const std::int64_t length = options.min_length + stream.level();
                                     const std::span<std::int32_t> target = out.target(2 * length);
                                     const std::span<std::uint8_t> marks = out.marks();
                                     for (std::size_t t = 0; t < target.size() / 2; ++t) {
                                       const std::int64_t symbol = stream.below(options.symbols);
                                       target[t] = kFirstFreeId + static_cast<std::int32_t>(symbol);
                                       target[t + target.size() / 2] = target[t];
                                       marks[t] = 0;
                                     }
                                   },
                               .reference =
                                   [](const SequencePair& given, const MadeOptions&) {
                                     SequencePair answer;
                                     for (const std::int32_t id : given.target) {
                                       if (id != kUnknown) answer.target.push_back(id);
                                     }
                                     const std::vector<std::int32_t> once = answer.target;
                                     answer.target.insert(answer.target.end(), once.begin(), once.end());
                                     return answer;
                                   }});
  task.slices = {{"length", [](const SequencePair& example) { return std::ssize(example.target) / 2; }}};
  return task;
}

TEST(Tasks, MayBeLanguagesOfWhichAPartCounts) {
  EXPECT_THAT(task_faults(echo(), small()), IsEmpty());
  const MadeDataset data(echo(), small());
  EXPECT_EQ(batch_layout(data, false), BatchLayout::language);
  Batch batch(batch_layout(data, false));
  batch.reserve(16, data.shape());
  data.fill_training_batch(1, 1, 16, batch);
  std::int64_t counted = 0;
  for (std::int64_t b = 0; b < 16; ++b) {
    const std::int64_t length = (batch.input().lengths[b] - 1) / 2;
    counted += length + 1;
    for (std::int64_t t = 0; t < length; ++t) {
      EXPECT_EQ(batch.expected()(t, b), kPadding);
      EXPECT_EQ(batch.expected()(t + length, b), batch.input()(t + 1, b));
    }
    EXPECT_EQ(batch.expected()(2 * length, b), kEnd);
  }
  EXPECT_EQ(batch.counted_tokens(), counted);
}

}  // namespace
}  // namespace tapehead
