#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <optional>
#include <ostream>
#include <utility>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/limits.hpp"
#include "autograd/base/text.hpp"
#include "experiments/analysis/image_maps.hpp"
#include "experiments/program/command.hpp"
#include "experiments/report/data_report.hpp"
#include "experiments/report/figures.hpp"
#include "experiments/report/heat_map.hpp"
#include "experiments/report/json.hpp"
#include "experiments/report/table.hpp"
#include "experiments/report/text_width.hpp"
#include "experiments/runs/run.hpp"
#include "experiments/runs/trained.hpp"
#include "layers/models/model.hpp"
#include "trainers/decoding/decoding.hpp"
#include "trainers/decoding/questions.hpp"
#include "trainers/metrics/evaluation.hpp"

namespace tapehead {
namespace {

struct Example {
  std::string source, prediction, expected;  // source and expected as they stand in the data
  std::optional<Matrix> image = {};          // what a source is not
  bool correct = false;
  bool fits = true;  // into the model's positions; if not, there is no prediction
};

struct Report {
  Evaluation evaluation;
  std::vector<Example> examples;
  std::vector<std::pair<std::string, std::string>> facts;  // about the data
};

// Whether all that counts was written, its end too where that counts; an unknown word is never right.
bool is_right(const std::vector<std::int32_t>& written, const SequencePair& pair, bool with_end) {
  if (written.size() < pair.target.size() || (with_end && written.size() > pair.target.size())) return false;
  for (std::size_t t = 0; t < pair.target.size(); ++t) {
    if (!pair.marks.empty() && pair.marks[t] == 0) continue;
    if (written[t] != pair.target[t] || written[t] == kUnknown) return false;
  }
  return true;
}

template <RealScalar T>
std::vector<Example> predict_examples(const Trained& trained, ParameterStore<T>& parameters, const Dataset& dataset,
                                      Split split, std::int64_t count) {
  const BatchLayout layout = batch_layout(trained.model, dataset);
  const std::int64_t size = dataset.size(split);
  count = std::min(count, size);
  std::vector<SequencePair> asked;
  std::vector<Example> examples;
  std::vector<SequencePair> pairs;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t at = i * size / count;  // from all over the split
    const SequencePair pair = dataset.example(split, at);
    Example& example = examples.emplace_back();
    example.source = trained.spelled(dataset.source_words(split, at));
    if (trained.data_source().patches) {
      example.image = image_of(trained.data_source().patches(trained.config.data), pair.features);
    }
    example.expected = trained.spelled(dataset.target_words(split, at));
    example.fits = fits(trained.model, layout, shape_of(dataset.shape(), pair.view()));
    asked.push_back(example.fits ? pair : SequencePair{});
    pairs.push_back(pair);
  }
  // What `predict` writes, as long as it is: the same whatever else is shown.
  const std::int64_t longest = dataset.counts_ends() ? trained.config.model.max_positions : dataset.max_target_length();
  const Questions questions(asked, dataset.shape().channels);
  const auto outputs = decode_in_batches<T>(trained.model, parameters, questions.sources(), {.max_length = longest});
  for (std::size_t i = 0; i < examples.size(); ++i) {
    if (!examples[i].fits) continue;
    examples[i].prediction = trained.answer(trained.source.words_of(pairs[i].source), outputs[i]);
    examples[i].correct = is_right(outputs[i], pairs[i], dataset.counts_ends());
  }
  return examples;
}

template <RealScalar T>
Report evaluate_trained(const Trained& trained, const Dataset& dataset, Split split, const Settings& settings) {
  const int threads = thread_count(settings.integer("threads"));
  const double parameter_bytes = 2.0 * sizeof(T) * static_cast<double>(trained.model.layout().flat_size());
  require_memory({.parameters = parameter_bytes,
                  .evaluation = memory_to_evaluate(trained.model, trained.config.trainer.step, dataset, split, threads,
                                                   sizeof(T))},
                 available_memory(), "evaluation");
  ParameterStore<T> parameters = load_parameters<T>(trained);
  Report report;
  {
    WorkerPool workers(threads);
    EvaluationOptions options = evaluation_like(trained.config.trainer.step, trained.model, dataset);
    options.too_long = parse_too_long(settings.text("too-long"));
    options.outputs = settings.flag("decode");
    options.slices = true;
    report.evaluation = evaluate(trained.model, parameters, dataset, split, workers, options);
  }
  if (const std::int64_t count = settings.integer("examples"); count > 0) {
    report.examples = predict_examples(trained, parameters, dataset, split, count);
  }
  return report;
}

// Names the sequences that the model has too few positions for; the numbers alone would not say which.
void tell_of_long_sequences(const Trained& trained, const Dataset& dataset, Split split, TooLong treated,
                            Console& console) {
  constexpr std::size_t kNamed = 3;
  const std::vector<std::int64_t> found = too_long_sequences(trained.model, dataset, split);
  if (found.empty()) return;
  std::string places;
  for (std::size_t i = 0; i < std::min(kNamed, found.size()); ++i) {
    places += fmt::format("{}{}", i == 0 ? "" : ", ", dataset.place(split, found[i]));
  }
  if (found.size() > kNamed) places += ", …";
  const auto counts_or = [&](const char* one, const char* many) { return found.size() == 1 ? one : many; };
  console.err << fmt::format("warning: {} of {} need{} more than the model's {} and {}: {}\n", found.size(),
                             counted(dataset.size(split), "sequence"), found.size() == 1 ? "s" : "",
                             counted(trained.config.model.max_positions, "position"),
                             treated == TooLong::wrong ? counts_or("counts as wrong (--too-long skip leaves it out)",
                                                                   "count as wrong (--too-long skip leaves them out)")
                                                       : counts_or("is left out", "are left out"),
                             printable(places));
}

Json as_json(const Report& report, const std::string& split, std::uint64_t step) {
  Json object = to_json(report.evaluation.results);
  object["headline"] = report.evaluation.headline;
  for (const auto& [name, parts] : report.evaluation.slices) {
    Json& list = object["slices"][name] = Json::array();
    for (const auto& [first, last, results] : parts) {
      list.push_back({{"first", first}, {"last", last}});
      list.back().update(to_json(results));
    }
  }
  object["split"] = split;
  object["step"] = step;
  if (report.examples.empty()) return object;
  object["examples"] = Json::array();
  for (const Example& example : report.examples) {
    Json& each =
        object["examples"].emplace_back(Json{{"source", example.source},
                                             {"prediction", example.fits ? Json(example.prediction) : Json(nullptr)},
                                             {"expected", example.expected},
                                             {"correct", example.correct}});
    if (example.image) each["image"] = to_json(*example.image);
  }
  return object;
}

// How results of sequences of words are shown; any other is shown by its name, behind these.
struct Row {
  const char* result;
  const char* name;
  const char* note;
  bool of_unknown_words = false;  // there is nothing to say where there are none
};

constexpr auto kRows = std::to_array<Row>({
    {"sequences", "sequences", ""},
    {"too_long", "too long", "sequences; no part of a loss"},
    {"tokens", "target tokens", ""},
    {"unknown_tokens", "unknown words", "{:.1f}% of the words; whatever is said for one is wrong", true},
    {"unknown_share", "", "", true},  // in the line before
    {"loss", "loss", "nats a token that the model knows"},
    {"perplexity", "perplexity", "exp(loss)"},
    {"loss_all_tokens", "loss, all tokens", "unknown words too, where <unk> is right", true},
    {"perplexity_all_tokens", "perplexity, all tokens", "", true},
    {"token_accuracy", "token accuracy", "of all target tokens, each after the right ones"},
    {"token_accuracy_without_end", "without end tokens", "of the words"},
    {"exact_match", "exact match", "of the sequences, written from the source alone"},
});

// A number without a unit may be of any size.
std::string number(const Result& result) {
  if (result.counts()) return fmt::format("{:.0f}", result.value);
  return result.unit.empty() && std::isfinite(result.value) ? fmt::format("{:.6g}", result.value)
                                                            : figure(result.value, 6);
}

// What a result is, where nothing better is known of it.
std::string note_on(const Result& result) {
  const auto known = std::ranges::find(evaluation_metrics(), result.name, &MetricSpec::name);
  if (known != evaluation_metrics().end()) return known->description;
  return result.counts() ? "" : result.unit;
}

void add_results(Table& table, const Evaluation& evaluation) {
  for (const auto& [name, label, note, of_unknown_words] : kRows) {
    const auto found = std::ranges::find(evaluation.results, name, &Result::name);
    if (found == evaluation.results.end() || *label == '\0') continue;
    if (of_unknown_words && evaluation.count("unknown_tokens") == 0) continue;
    if (found->name == "too_long" && found->value == 0) continue;
    std::vector<std::string> row{label, number(*found)};
    if (found->name == "tokens" && !std::isnan(evaluation.value("token_accuracy_without_end"))) {
      row.emplace_back("words, and one end token a sequence");
    }
    if (*note != '\0') row.push_back(fmt::format(fmt::runtime(note), 100 * evaluation.value("unknown_share")));
    table.add(std::move(row));
  }
  for (const Result& result : evaluation.results) {
    const bool shown = std::ranges::any_of(kRows, [&](const Row& row) { return result.name == row.result; });
    if (!shown) table.add({plain_name(result.name), number(result), note_on(result)});
  }
}

// What is shown of the parts of a slice: shares of what is right or wrong, the headline first.
Table slice_table(const SlicedResults& slice, const std::string& headline) {
  std::vector<std::string> names{"sequences"};
  for (const Result& result : slice.parts.front().results) {
    const bool shown = result.name == headline || (result.unit == "share" && result.common);
    if (shown) names.insert(result.name == headline ? names.begin() + 1 : names.end(), result.name);
  }
  std::vector<std::string> titles{plain_name(slice.name)};
  for (const std::string& name : names) titles.push_back(plain_name(name));
  std::vector<std::string> expendable(titles.begin() + 2, titles.end());
  std::erase(expendable, plain_name(headline));
  Table table(std::move(titles));
  table.may_leave_out(std::move(expendable));
  for (const auto& [first, last, results] : slice.parts) {
    std::vector<std::string> row{first == last ? fmt::format("{}", first) : fmt::format("{}–{}", first, last)};
    for (const std::string& name : names) row.push_back(number(*std::ranges::find(results, name, &Result::name)));
    table.add(std::move(row));
  }
  return table;
}

std::string as_text(const Report& report, const std::string& split, std::uint64_t step, HeatMapStyle style,
                    std::size_t width) {
  Table table;  // name, number, what it counts
  table.add({"split", split});
  table.add({"step", fmt::format("{}", step)});
  if (const std::string& headline = report.evaluation.headline; headline != "loss") {
    table.add({"headline", plain_name(headline)});
  }
  add_results(table, report.evaluation);
  for (const auto& [name, value] : report.facts) table.add({name, value});
  std::string text = table.text(width);
  for (const SlicedResults& slice : report.evaluation.slices) {
    text += "\n" + slice_table(slice, report.evaluation.headline).text(width);
  }
  for (const Example& example : report.examples) {
    text += fmt::format("\n{} {}\n", example.correct ? "✓" : "✗", printable(example.source));
    if (example.image)
      text += draw_heat_map(*example.image, {.rows = {}, .columns = {}, .legend = false}, style, width);
    text += example.fits ? fmt::format("  → {}\n", printable(example.prediction)) : "  too long for the model\n";
    if (!example.correct) text += fmt::format("  expected {}\n", printable(example.expected));
  }
  return text;
}

int run_eval(const Invocation& invocation, Console& console) {
  const Settings& settings = invocation.settings;
  const Trained trained = open_trained(invocation.subject);
  std::string warning;
  const std::unique_ptr<Dataset> dataset = data_of(trained, settings, NeededData::held_out, warning);
  if (!warning.empty()) console.err << one_line(warning) << '\n';
  const std::string& split_name = settings.text("split");
  const Split split = parse_split(split_name);
  if (dataset->size(split) == 0) {
    throw DataError(fmt::format("eval: the {} split holds no sequences; choose the other with --split", split_name));
  }
  if (settings.integer("examples") > 0 && !dataset->asks()) {
    throw ConfigError("--examples: nothing asks the model for a text; tapehead predict shows what it writes");
  }
  tell_of_data(*dataset, DataUse::only(split), console.err);
  tell_of_long_sequences(trained, *dataset, split, parse_too_long(settings.text("too-long")), console);
  const auto evaluated = [&](const Trained& weights) {
    Report report = with_precision(weights.config.double_precision, [&](auto scalar) {
      return evaluate_trained<decltype(scalar)>(weights, *dataset, split, settings);
    });
    report.facts = data_facts(*dataset, split);
    return report;
  };
  const auto shown_as_json = [&](const Report& report, const Trained& weights) {
    Json object = as_json(report, split_name, weights.reader->meta().step);
    add_data_facts(object, *dataset, split);
    object["checkpoint"] = std::filesystem::path(weights.reader->path()).filename().string();
    return object;
  };
  const HeatMapStyle style = heat_map_style(settings.text("color"), console.out_is_terminal);
  const Report report = evaluated(trained);
  Json object = shown_as_json(report, trained);
  std::string text = as_text(report, split_name, trained.reader->meta().step, style, console.width);
  if (const std::string choice = choice_of_weights(invocation.subject, trained); !choice.empty()) {
    text = printable(choice) + "\n" + text;
  }
  if (const std::optional<Trained> last = last_weights(invocation.subject, trained)) {
    Report of_last = evaluated(*last);
    of_last.examples.clear();
    object["last"] = shown_as_json(of_last, *last);
    text += fmt::format("\n{}: the last weights\n{}", last->reader->path(),
                        as_text(of_last, split_name, last->reader->meta().step, style, console.width));
  }
  console.out << (settings.flag("json") ? to_text(object) + "\n" : text);
  return kDone;
}

}  // namespace

Command command_eval() {
  return {.name = "eval",
          .subject = "DIR|CHECKPOINT",
          .summary = "Loss, perplexity, token accuracy and exact match on held-out sequences",
          .example = "tapehead eval runs/copy --split test --examples 5",
          .options = {{"split"},
                      {.name = "too-long",
                       .kind = OptionKind::word,
                       .fallback = "wrong",
                       .choices = "wrong skip",
                       .help = "held-out sequences that the model has too few positions for",
                       .when = "wrong counts them as wrong, skip leaves them out"},
                      {.name = "decode",
                       .kind = OptionKind::flag,
                       .help = "write every sequence by greedy search too, for the metrics of what is written",
                       .when = "set it to see how far off wrong outputs are",
                       .common = true},
                      {.name = "examples",
                       .kind = OptionKind::integer,
                       .fallback = "0",
                       .range = {0, 1e6},
                       .help = "sequences to show with their predictions",
                       .when = "some show which mistakes are made",
                       .common = true},
                      {"train"},
                      {"text"},
                      {"valid"},
                      {"test"},
                      {"columns"},
                      {"threads"},
                      {"color"},
                      {"json"}},
          .conditions = {{"color", on("examples")}},
          .run = run_eval,
          .memory_advice = "take fewer --threads, or shorter held-out sequences"};
}

}  // namespace tapehead
