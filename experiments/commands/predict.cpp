#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <sstream>
#include <utility>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/lines.hpp"
#include "autograd/base/text.hpp"
#include "experiments/program/command.hpp"
#include "experiments/report/json.hpp"
#include "experiments/report/text_width.hpp"
#include "experiments/runs/trained.hpp"
#include "trainers/decoding/continuation.hpp"
#include "trainers/decoding/decoding.hpp"
#include "trainers/decoding/questions.hpp"

namespace tapehead {
namespace {

constexpr std::size_t kLinesAtOnce = 64;
constexpr std::int64_t kLinesNamed = 10;  // of those with unknown words
constexpr std::size_t kWordsNamed = 10;   // of a line

// One line in, one line out, in order, also for lines that cannot be read: their output is empty.
template <RealScalar T>
class Predictor {
 public:
  Predictor(const Trained& trained, const Settings& settings, Console& console)
      : trained_(trained),
        console_(console),
        lines_(console.in),
        json_(settings.flag("json")),
        search_(find_search(settings.text("search"))),
        parameters_(load_parameters<T>(trained)) {
    request_.max_length = trained.config.model.max_positions;
    if (goes_on()) {
      request_.max_length = settings.integer("max-new-tokens");
    } else if (settings.given("max-new-tokens")) {
      throw ConfigError(fmt::format("--max-new-tokens: a model of task {} answers a line, and ends by itself",
                                    trained.data_source().name));
    }
    request_.seed = static_cast<std::uint64_t>(settings.integer("seed"));
    for (const OptionSpec& option : search_.options) request_.options.set(option.name, settings.text(option.name));
  }

  int run() {
    // Lines that are there already are decoded together; one that comes alone is answered at once.
    while (take_line()) {
      if (is_empty_.size() >= kLinesAtOnce || !lines_.is_ready()) answer();
    }
    answer();
    if (unknown_lines_ > kLinesNamed) {
      console_.err << fmt::format("tapehead: warning: {} lines in all have words that the model does not know\n",
                                  unknown_lines_);
    }
    if (broken_outputs_ > 0) {
      console_.err << fmt::format("tapehead: the model's numbers are not finite: {} cut off there\n",
                                  counted(broken_outputs_, "output"));
    }
    return bad_lines_ == 0 && broken_outputs_ == 0 ? kDone : kWrongUsage;
  }

 private:
  // False at the end. A line that is no text, or none that the model can read, is told of and has an empty output.
  bool take_line() {
    SequencePair question;
    Json input;  // null where there is no text
    std::vector<std::string> words;
    try {
      std::string_view line;
      if (!lines_.next(line)) return false;
      input = std::string(line);
      question = trained_.question(std::string(line));
      words = trained_.lines().words(std::string(line));
      tell_of_unknown_words(std::string(line));
    } catch (const DataError& error) {
      ++bad_lines_;
      const std::string why = error.what();
      const std::string place = lines_.place() + ": ";
      console_.err << "tapehead: " << one_line(why.starts_with(console_.in.name()) ? why : place + why) << std::endl;
      if (lines_.ended()) return false;
    }
    ++lines_taken_;
    inputs_.push_back(std::move(input));
    is_empty_.push_back(question.source.empty() && question.features.empty());
    if (is_empty_.back()) return true;
    questions_.push_back(std::move(question));
    words_.push_back(std::move(words));
    numbers_.push_back(lines_taken_);  // so that what is drawn for a line depends on no other
    return true;
  }

  // They are all the same to the model, so its output says nothing about them. Of many such lines the first are named.
  void tell_of_unknown_words(const std::string& line) {
    const std::vector<std::string> words = trained_.unknown_words(line);
    if (words.empty() || ++unknown_lines_ > kLinesNamed) return;
    std::string list;
    for (std::size_t i = 0; i < std::min(words.size(), kWordsNamed); ++i) {
      list += fmt::format("{}\"{}\"", i == 0 ? "" : ", ", printable(words[i]));
    }
    if (words.size() > kWordsNamed) list += fmt::format(" and {} more", words.size() - kWordsNamed);
    console_.err << fmt::format("tapehead: warning: {}: the model does not know {}\n", lines_.place(), list);
  }

  bool goes_on() const { return trained_.data_source().line_is != LineRole::question; }

  void answer() {
    request_.numbers = numbers_;
    auto outputs = goes_on() ? continue_questions() : answer_questions();
    auto next = outputs.begin();
    auto words = words_.begin();
    for (std::size_t i = 0; i < is_empty_.size(); ++i) {
      std::optional<std::string> output;
      if (!is_empty_[i]) output = text_of(std::move(*words++), *next++);
      write(inputs_[i], output);
    }
    console_.out.flush();
    inputs_.clear();
    questions_.clear();
    words_.clear();
    numbers_.clear();
    is_empty_.clear();
  }

  Texts answer_questions() {
    const Questions questions(questions_, trained_.channels());
    return decode_in_batches<T>(trained_.model, parameters_, questions.sources(), request_, search_);
  }
  Texts continue_questions() {
    Texts beginnings;
    for (const SequencePair& question : questions_) beginnings.push_back(question.source);
    return continue_texts<T>(trained_.model, parameters_, beginnings, request_, search_);
  }

  // What people are shown: the answer, or the line and what it goes on with.
  std::string text_of(std::vector<std::string> words, std::vector<std::int32_t>& output) {
    if (!output.empty() && output.back() == kPadding) {
      output.pop_back();
      ++broken_outputs_;
    }
    if (!goes_on()) return trained_.answer(std::move(words), output);
    std::ranges::move(trained_.target.words_of(output), std::back_inserter(words));
    return trained_.spelled(words);
  }

  // Nothing where there was nothing to read. A text that goes on may be of several lines: an empty one stands between
  // it and the next.
  void write(const Json& input, const std::optional<std::string>& output) {
    if (json_) {
      console_.out << to_text(Json{{"input", input}, {"output", output ? Json(*output) : Json()}}) << '\n';
    } else if (trained_.data_source().line_is != LineRole::excerpt) {
      console_.out << printable(output.value_or("")) << '\n';
    } else {
      if (std::exchange(written_before_, true)) console_.out << '\n';
      std::istringstream lines(output.value_or(""));
      for (std::string line; std::getline(lines, line);) console_.out << printable(line) << '\n';
    }
  }

  const Trained& trained_;
  Console& console_;
  LineReader lines_;
  bool json_;
  const SearchSpec& search_;
  SearchRequest request_;
  ParameterStore<T> parameters_;
  std::vector<SequencePair> questions_;
  std::vector<std::vector<std::string>> words_;  // the same as they were written
  std::vector<std::int64_t> numbers_;            // of their lines
  std::vector<Json> inputs_;
  std::vector<bool> is_empty_;
  bool written_before_ = false;
  std::int64_t lines_taken_ = 0;
  std::int64_t bad_lines_ = 0;
  std::int64_t unknown_lines_ = 0;
  std::int64_t broken_outputs_ = 0;
};

int run_predict(const Invocation& invocation, Console& console) {
  const Trained trained = open_trained(invocation.subject);
  if (const std::string choice = choice_of_weights(invocation.subject, trained); !choice.empty()) {
    console.err << printable(choice) << std::endl;
  }
  return with_precision(trained.config.double_precision, [&](auto scalar) {
    return Predictor<decltype(scalar)>(trained, invocation.settings, console).run();
  });
}

// Names of searches, separated by a space.
std::string names_of(bool (*which)(const SearchSpec&)) {
  std::string names;
  for (const SearchSpec& search : search_specs()) {
    if (which(search)) names += (names.empty() ? "" : " ") + search.name;
  }
  return names;
}

// The choice of a search, and what each takes.
std::vector<OptionSpec> search_options() {
  std::string searches;
  for (const SearchSpec& search : search_specs()) {
    searches += (searches.empty() ? "" : "; ") + search.name + ": " + search.description;
  }
  static const std::string help = "how an output is found (" + searches + ")";
  std::vector<OptionSpec> options{{.name = "search",
                                   .kind = OptionKind::word,
                                   .fallback = "greedy",
                                   .choices = names_of([](const SearchSpec&) { return true; }),
                                   .help = help,
                                   .when = "another one shows what else it might say",
                                   .common = true}};
  for (const SearchSpec& search : search_specs()) {
    for (OptionSpec option : search.options) {
      option.applies_when = {one_of("search", search.name)};
      options.push_back(std::move(option));
    }
  }
  options.push_back({.name = "max-new-tokens",
                     .kind = OptionKind::integer,
                     .fallback = "200",
                     .range = {1, 1e6},
                     .help = "tokens to write, of a model of plain text or lines, which goes on where a line stops",
                     .when = "more shows more",
                     .common = true});
  options.push_back({"seed"});
  options.push_back({"json"});
  return options;
}

}  // namespace

Command command_predict() {
  static const std::string that_draw = names_of([](const SearchSpec& search) { return search.draws; });
  return {.name = "predict",
          .subject = "DIR|CHECKPOINT",
          .summary =
              "Reads lines from standard input and answers each in a line, or goes on with it where the model is one "
              "of text",
          .example = "echo \"7 3 9 1\" | tapehead predict runs/copy",
          .options = search_options(),
          .conditions = {{"seed", one_of("search", that_draw)}},
          .run = run_predict,
          .memory_advice = "give shorter lines"};
}

}  // namespace tapehead
