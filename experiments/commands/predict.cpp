#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/lines.hpp"
#include "autograd/base/text.hpp"
#include "experiments/program/command.hpp"
#include "experiments/report/json.hpp"
#include "experiments/report/text_width.hpp"
#include "experiments/runs/trained.hpp"
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
    try {
      std::string_view line;
      if (!lines_.next(line)) return false;
      input = std::string(line);
      question = trained_.question(std::string(line));
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

  void answer() {
    request_.numbers = numbers_;
    const Questions questions(questions_, trained_.channels());
    auto outputs = decode_in_batches<T>(trained_.model, parameters_, questions.sources(), request_, search_);
    for (auto& output : outputs) {
      if (output.empty() || output.back() != kPadding) continue;
      output.pop_back();
      ++broken_outputs_;
    }
    auto next = outputs.begin();
    for (std::size_t i = 0; i < is_empty_.size(); ++i) {
      const std::string output = is_empty_[i] ? "" : trained_.line(*next++);
      console_.out << (json_ ? to_text(Json{{"input", inputs_[i]}, {"output", is_empty_[i] ? Json() : Json(output)}})
                             : printable(output))
                   << '\n';
    }
    console_.out.flush();
    inputs_.clear();
    questions_.clear();
    numbers_.clear();
    is_empty_.clear();
  }

  const Trained& trained_;
  Console& console_;
  LineReader lines_;
  bool json_;
  const SearchSpec& search_;
  SearchRequest request_;
  ParameterStore<T> parameters_;
  std::vector<SequencePair> questions_;
  std::vector<std::int64_t> numbers_;  // of their lines
  std::vector<Json> inputs_;
  std::vector<bool> is_empty_;
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
  options.push_back({"seed"});
  options.push_back({"json"});
  return options;
}

}  // namespace

Command command_predict() {
  static const std::string that_draw = names_of([](const SearchSpec& search) { return search.draws; });
  return {
      .name = "predict",
      .subject = "DIR|CHECKPOINT",
      .summary = "Reads lines from standard input and writes one prediction a line, or with --json an object a line",
      .example = "echo \"7 3 9 1\" | tapehead predict runs/copy",
      .options = search_options(),
      .conditions = {{"seed", one_of("search", that_draw)}},
      .run = run_predict,
      .memory_advice = "give shorter lines"};
}

}  // namespace tapehead
