// What is measured on what a model writes, and what an evaluation says of parts of the sequences.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <queue>
#include <set>

#include "autograd/tape.hpp"
#include "layers/pass.hpp"
#include "tests/trainers/training_support.hpp"
#include "trainers/batching.hpp"
#include "trainers/decoding/decoding.hpp"
#include "trainers/metrics/evaluation.hpp"
#include "trainers/metrics/output_metric.hpp"

namespace tapehead {
namespace {

using Ids = std::vector<std::int32_t>;

double edit_distance(const std::vector<std::pair<Ids, Ids>>& pairs) {
  std::vector<Output> outputs;
  for (const auto& [written, expected] : pairs) outputs.push_back({written, expected});
  const auto& metrics = output_metrics();
  return std::ranges::find(metrics, "edit_distance", [](const auto& metric) { return metric.spec.name; })->of(outputs);
}

// Every text of up to so many of three tokens.
std::vector<Ids> all_texts(std::size_t longest) {
  std::vector<Ids> texts{{}};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].size() == longest) continue;
    for (const std::int32_t token : {4, 5, 6}) {
      Ids longer = texts[i];
      longer.push_back(token);
      texts.push_back(std::move(longer));
    }
  }
  return texts;
}

// How few single edits lead from one text to each other, found by making them all, again and again.
std::map<Ids, int> edits_from(const Ids& text, std::size_t longest) {
  std::map<Ids, int> found{{text, 0}};
  std::queue<Ids> waiting;
  waiting.push(text);
  for (; !waiting.empty(); waiting.pop()) {
    const Ids from = waiting.front();
    const auto reach = [&](Ids to) {
      if (to.size() <= longest && found.try_emplace(to, found.at(from) + 1).second) waiting.push(std::move(to));
    };
    for (std::size_t at = 0; at <= from.size(); ++at) {
      const auto offset = static_cast<std::ptrdiff_t>(at);
      for (const std::int32_t token : {4, 5, 6}) {
        Ids with = from;
        with.insert(with.begin() + offset, token);
        reach(with);
        if (at == from.size()) continue;
        Ids changed = from;
        changed[at] = token;
        reach(changed);
      }
      if (at == from.size()) continue;
      Ids without = from;
      without.erase(without.begin() + offset);
      reach(without);
    }
  }
  return found;
}

TEST(EditDistance, IsThatOfAllPairsOfShortTexts) {
  const std::vector<Ids> texts = all_texts(4);
  ASSERT_EQ(texts.size(), 121U);
  for (const Ids& written : texts) {
    const std::map<Ids, int> edits = edits_from(written, 5);
    for (const Ids& expected : texts) {
      const std::size_t longer = std::max({written.size(), expected.size(), std::size_t{1}});
      EXPECT_DOUBLE_EQ(edit_distance({{written, expected}}), edits.at(expected) / static_cast<double>(longer))
          << testing::PrintToString(written) << " " << testing::PrintToString(expected);
    }
  }
}

TEST(EditDistance, IsTheMeanOverSequencesAndNoneIsNoNumber) {
  EXPECT_DOUBLE_EQ(edit_distance({{{4, 5}, {4, 5}}, {{4}, {5}}, {{4, 5, 6, 4}, {4, 5}}}), (0 + 1 + 0.5) / 3);
  EXPECT_TRUE(std::isnan(edit_distance({})));
}

TEST(EditDistance, AnUnknownWordIsNeverRight) {
  EXPECT_EQ(edit_distance({{{kUnknown, 5}, {kUnknown, 5}}}), 0.5);
  EXPECT_EQ(edit_distance({{{4, 5}, {kUnknown, 5}}}), 0.5);
}

// A model of one family that has learnt a little of reversing, and what an evaluation says of it.
class Outputs : public testing::TestWithParam<std::string> {
 protected:
  Outputs() : model_(small_model(reversing(), GetParam())), parameters_(model_.layout()) {
    parameters_.initialise(3);
    WorkerPool workers(2);
    TrainingStep<double> step(model_, parameters_, reversing(), workers,
                              {.batch = 30, .schedule = {.learning_rate = 0.01}});
    for (std::int64_t s = 1; s <= 120; ++s) step.run(s, 1);
  }

  Evaluation on(const Dataset& data, const EvaluationOptions& options, int threads = 2) {
    WorkerPool workers(threads);
    return evaluate(model_, parameters_, data, Split::test, workers, options);
  }

  // Written alone, with no other sequence beside it.
  Ids written(const SequencePair& pair) {
    Tape<double> tape(parameters_);
    return decode(model_, tape, Sources(&pair.source, 1), {.max_length = reversing().max_target_length() + 1}).front();
  }

  Model model_;
  ParameterStore<double> parameters_;
};

TEST_P(Outputs, AreWrittenByGreedySearchOneByOne) {
  const MadeDataset& data = reversing();
  double sum = 0;
  int right = 0;
  for (std::int64_t i = 0; i < data.size(Split::test); ++i) {
    const SequencePair pair = data.example(Split::test, i);
    const double distance = edit_distance({{written(pair), pair.target}});
    sum += distance;
    right += distance == 0;
  }
  const auto count = static_cast<double>(data.size(Split::test));
  const Evaluation found = on(data, {.outputs = true});
  EXPECT_NEAR(found.value("edit_distance"), sum / count, 1e-12);
  EXPECT_GT(found.value("edit_distance"), 0);
  EXPECT_LT(found.value("edit_distance"), 0.95);
  EXPECT_EQ(found.value("exact_match"), right / count) << "one pass over the targets says the same";
  const Evaluation without = on(data, {});
  EXPECT_TRUE(std::isnan(without.value("edit_distance")));
  EXPECT_EQ(without.results.size() + output_metrics().size(), found.results.size());
  EXPECT_EQ(without.value("loss"), found.value("loss"));
  for (const int threads : {1, 5}) {
    EXPECT_EQ(on(data, {.outputs = true}, threads).value("edit_distance"), found.value("edit_distance"));
  }
}

// Of each length, what each sequence alone comes to.
TEST_P(Outputs, SlicesAreResultsOfTheirSequences) {
  const MadeDataset& data = reversing();
  struct Sum {
    double sequences = 0, tokens = 0, right_tokens = 0, right = 0, distance = 0;
  };
  std::map<std::int64_t, Sum> lengths;
  Tape<double> tape(parameters_);
  for (std::int64_t i = 0; i < data.size(Split::test); ++i) {
    const SequencePair pair = data.example(Split::test, i);
    const Batch batch = batch_of(std::span(&pair, 1), data, batch_layout(model_, data));
    const NoGrad<double> no_grad(tape);
    const Var<double> logits = model_.logits(tape, batch.view(), Pass{});
    const TokenView expected = batch.expected();
    Sum& sum = lengths[std::ssize(pair.source)];
    bool all_right = true;
    for (std::int64_t t = 0; t < expected.positions; ++t) {
      if (expected(t, 0) == kPadding) continue;
      const double* column = logits.data() + logits.shape().rows * t;
      const bool right = std::max_element(column + kEnd, column + logits.shape().rows) - column == expected(t, 0);
      sum.tokens += 1;
      sum.right_tokens += right;
      all_right = all_right && right;
    }
    sum.sequences += 1;
    sum.right += all_right;
    sum.distance += edit_distance({{written(pair), pair.target}});
  }
  const Evaluation found = on(data, {.outputs = true, .slices = true});
  ASSERT_EQ(found.slices.size(), 1U);
  EXPECT_EQ(found.slices[0].name, "length");
  ASSERT_EQ(found.slices[0].parts.size(), lengths.size());
  auto part = found.slices[0].parts.begin();
  for (const auto& [length, sum] : lengths) {
    EXPECT_EQ(std::pair(part->first, part->last), std::pair(length, length));
    const Evaluation of{.results = part->results};
    EXPECT_EQ(of.value("sequences"), sum.sequences) << length;
    EXPECT_EQ(of.value("token_accuracy"), sum.right_tokens / sum.tokens) << length;
    EXPECT_EQ(of.value("exact_match"), sum.right / sum.sequences) << length;
    EXPECT_NEAR(of.value("edit_distance"), sum.distance / sum.sequences, 1e-12) << length;
    EXPECT_TRUE(std::isnan(of.value("loss"))) << "there is none of a part";
    ++part;
  }
  EXPECT_TRUE(on(data, {}).slices.empty());
}

INSTANTIATE_TEST_SUITE_P(Families, Outputs, testing::Values("transformer", "decoder"),
                         [](const auto& each) { return each.param; });

TEST(Slices, OfManyValuesAreJoinedAndCountWhatIsTooLong) {
  const MadeDataset data(
      {.task = "copy", .symbols = 300, .min_length = 1, .max_length = 50, .validation = 100, .test = 200});
  ModelConfig config = small_model(data, "transformer");
  config.max_positions = 31;  // start or end, and 30 tokens
  const Model model(config);
  ParameterStore<double> parameters(model.layout());
  parameters.initialise(3);
  WorkerPool workers(2);
  for (const TooLong too_long : {TooLong::wrong, TooLong::left_out}) {
    const Evaluation found = evaluate(model, parameters, data, Split::test, workers,
                                      {.too_long = too_long, .outputs = true, .slices = true});
    EXPECT_EQ(found.count("too_long"), 80);
    double sequences = 0;
    std::int64_t next = 1;
    for (const SlicePart& part : found.slices.at(0).parts) {
      EXPECT_EQ(part.first, next);
      next = part.last + 1;
      const Evaluation of{.results = part.results};
      sequences += of.value("sequences");
      EXPECT_EQ(of.value("sequences"), static_cast<double>(4 * (part.last - part.first + 1)));
      if (part.first > 30) {
        EXPECT_EQ(of.value("edit_distance"), 1) << "nothing was written";
        EXPECT_EQ(of.value("token_accuracy"), 0);
        EXPECT_EQ(of.value("too_long"), of.value("sequences"));
      }
    }
    EXPECT_EQ(next, too_long == TooLong::wrong ? 51 : 31);
    EXPECT_LE(found.slices.at(0).parts.size(), 20U);
    EXPECT_EQ(sequences, found.value("sequences"));
  }
}

// A headline and every slice of every task can be shown.
TEST(EvaluationMetrics, TheHeadlineOfEachTaskIsOneOfThem) {
  for (const TaskSpec& task : task_specs()) {
    const auto found = std::ranges::find(evaluation_metrics(), task.headline, &MetricSpec::name);
    ASSERT_NE(found, evaluation_metrics().end()) << "task " << task.name << ": nothing measures " << task.headline;
    EXPECT_NE(found->direction, Better::neither) << task.name;
  }
}

TEST(EvaluationMetrics, EachHasANameAndAColumnOfItsOwn) {
  std::set<std::string> names;
  std::set<int> columns;
  for (const MetricSpec& metric : evaluation_metrics()) {
    EXPECT_TRUE(names.insert(metric.name).second) << metric.name;
    EXPECT_TRUE(metric.column == 0 || columns.insert(metric.column).second) << metric.name;
    EXPECT_FALSE(metric.description.empty()) << metric.name;
  }
}

}  // namespace
}  // namespace tapehead
