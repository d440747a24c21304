#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <utility>

#include "autograd/base/errors.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/data_report.hpp"
#include "experiments/json.hpp"
#include "experiments/table.hpp"
#include "experiments/trained.hpp"
#include "trainers/decoding.hpp"

namespace tapehead {
namespace {

struct Example {
  std::string source, prediction, expected;
  bool correct = false;
};

struct Report {
  Evaluation evaluation;
  std::vector<Example> examples;
  std::vector<std::pair<std::string, std::string>> facts;  // about the data
};

template <RealScalar T>
std::vector<Example> predict_examples(const Trained& trained, ParameterStore<T>& parameters, const Dataset& dataset,
                                      Split split, std::int64_t count) {
  std::vector<SequencePair> pairs;
  std::vector<std::vector<std::int32_t>> sources;
  const std::int64_t size = dataset.size(split);
  count = std::min(count, size);
  for (std::int64_t i = 0; i < count; ++i) {
    pairs.push_back(dataset.example(split, i * size / count));  // from all over the split
    sources.push_back(pairs.back().source);
  }
  Tape<T> tape(parameters);
  const auto outputs = decode_greedily<T>(trained.model, tape, sources, dataset.max_target_length() + 1);
  std::vector<Example> examples;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    examples.push_back({trained.source_line(pairs[i].source), trained.line(outputs[i]), trained.line(pairs[i].target),
                        outputs[i] == pairs[i].target});
  }
  return examples;
}

template <RealScalar T>
Report evaluate_trained(const Trained& trained, const Dataset& dataset, Split split, const Settings& settings) {
  ParameterStore<T> parameters = load_parameters<T>(trained);
  Report report;
  {
    WorkerPool workers(thread_count(settings.integer("threads")));
    report.evaluation = evaluate(trained.model, parameters, dataset, split, workers);
  }
  if (const std::int64_t count = settings.integer("examples"); count > 0) {
    report.examples = predict_examples(trained, parameters, dataset, split, count);
  }
  return report;
}

Json as_json(const Report& report, const std::string& split, std::uint64_t step) {
  Json object = to_json(report.evaluation);
  object["split"] = split;
  object["step"] = step;
  if (report.examples.empty()) return object;
  object["examples"] = Json::array();
  for (const auto& [source, prediction, expected, correct] : report.examples) {
    object["examples"].push_back(
        {{"source", source}, {"prediction", prediction}, {"expected", expected}, {"correct", correct}});
  }
  return object;
}

std::string as_text(const Report& report, const std::string& split, std::uint64_t step) {
  const Evaluation& e = report.evaluation;
  Table table;
  table.add({"split", split});
  table.add({"step", fmt::format("{}", step)});
  table.add({"sequences", fmt::format("{}", e.sequences)});
  table.add({"loss", fmt::format("{:.6f}", e.loss)});
  table.add({"perplexity", fmt::format("{:.6g}", e.perplexity)});
  table.add({"token accuracy", fmt::format("{:.6f}", e.token_accuracy)});
  table.add({"exact match", fmt::format("{:.6f}", e.exact_match)});
  for (const auto& [name, value] : report.facts) table.add({name, value});
  std::string text = table.text();
  for (const auto& [source, prediction, expected, correct] : report.examples) {
    text += fmt::format("\n{} {}\n  → {}\n", correct ? "✓" : "✗", source, prediction);
    if (!correct) text += fmt::format("  expected {}\n", expected);
  }
  return text;
}

}  // namespace

int run_eval(const Invocation& invocation, Console& console) {
  const Settings& settings = invocation.settings;
  const Trained trained = open_trained(invocation.subject);
  const std::unique_ptr<Dataset> dataset = data_of(trained, settings);
  const std::string& split_name = settings.text("split");
  const Split split = parse_split(split_name);
  if (dataset->size(split) == 0) {
    throw DataError(fmt::format("eval: the {} split holds no sequences; choose the other with --split", split_name));
  }
  tell_of_data(*dataset, DataUse::only(split), console.err);
  Report report = with_precision(trained.config.double_precision, [&](auto scalar) {
    return evaluate_trained<decltype(scalar)>(trained, *dataset, split, settings);
  });
  report.facts = data_facts(*dataset, split);
  const std::uint64_t step = trained.reader->meta().step;
  if (settings.flag("json")) {
    Json object = as_json(report, split_name, step);
    add_data_facts(object, *dataset, split);
    console.out << to_text(object) << '\n';
  } else {
    console.out << as_text(report, split_name, step);
  }
  return kDone;
}

}  // namespace tapehead
