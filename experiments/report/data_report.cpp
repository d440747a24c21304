#include "experiments/report/data_report.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ostream>

#include "autograd/base/counted.hpp"
#include "autograd/base/text.hpp"
#include "datasets/readers/text.hpp"

namespace tapehead {
namespace {

// From this share on something is wrong, rather than rare.
constexpr double kMost = 0.5;

std::string percent(double share) { return fmt::format("{:.1f}%", 100 * share); }

void add_file_notices(std::vector<std::string>& notices, const PairFileReport& file) {
  if (const std::int64_t bad = file.bad_lines(); bad > 0) {
    notices.push_back(fmt::format("{}: skipped {} of {}, which are not pairs: {}", file.name, bad,
                                  counted(file.pairs + bad, "line"), file.faults_text()));
  }
  if (file.third_column.lines > 0) {
    notices.push_back(fmt::format("{}: third column not read in {} of {} ({}); --columns 1,3 would", file.name,
                                  file.third_column.lines, counted(file.pairs, "pair"), file.third_column.first));
  }
  if (!file.titles.empty()) {
    notices.push_back(
        fmt::format("{}: line 1 seems to be titles, and is read as a pair; --columns {} would leave it out", file.name,
                    file.titles));
  }
  if (file.blank_lines > 0)
    notices.push_back(fmt::format("{}: blank lines between others: {}", file.name, file.blank_lines));
  if (file.also_two_files) {
    notices.push_back(fmt::format("{}: taken for one file, though two files of such names exist too", file.name));
  }
}

void add_unknown_notice(std::vector<std::string>& notices, const SplitReport& split, const char* side,
                        const UnknownWords& words, const std::string& remedy) {
  if (words.share() <= kMost) return;
  notices.push_back(fmt::format("warning: {}: {} of the {} words are unknown; {}", split.file.name,
                                percent(words.share()), side, remedy));
}

void add_word_notices(std::vector<std::string>& notices, const TextReport& report, DataUse use) {
  const bool words = report.tokenizer == Tokenizer::words;
  const char* remedy = words ? "train with --tokenizer char, or on text that has these words"
                             : "train on text that has these characters";
  for (const bool target : {false, true}) {
    const char* side = target ? "target" : "source";
    const auto of = [&](const SplitReport& split) { return target ? split.target : split.source; };
    const double once = target ? report.target_seen_once : report.source_seen_once;
    if (use.training) {
      add_unknown_notice(notices, report.train, side, of(report.train), "lower --min-count or raise --max-words");
    }
    if (use.training && words && once > kMost) {
      notices.push_back(
          fmt::format("warning: {}: {} of the {} words occur only once, which is too little to learn a word; "
                      "--tokenizer char reads "
                      "characters instead",
                      report.train.file.name, percent(once), side));
    }
    if (use.validation) add_unknown_notice(notices, report.validation, side, of(report.validation), remedy);
    if (use.test) add_unknown_notice(notices, report.test, side, of(report.test), remedy);
  }
}

void add_training_notices(std::vector<std::string>& notices, const TextReport& report) {
  const PairFileReport& file = report.train.file;
  add_file_notices(notices, file);
  if (report.too_long > 0) {
    notices.push_back(fmt::format("{}: left out {} of {}, longer than max-length", file.name, report.too_long,
                                  counted(file.pairs, "pair")));
  }
  if (const std::int64_t again = report.train.seen_in_training.value_or(0); again > 0) {
    notices.push_back(fmt::format("{}: repeats of a pair before: {} of {}", file.name, again,
                                  counted(report.training_pairs, "pair")));
  }
}

std::string more_sources(const SplitReport& split) {
  const std::int64_t sources = split.sources_in_training;
  return sources == 0 ? "" : fmt::format(", and the sources of {} more", sources);
}

void add_held_out_notices(std::vector<std::string>& notices, const SplitReport& split) {
  add_file_notices(notices, split.file);
  const std::int64_t seen = split.seen_in_training.value_or(0);
  if (seen == 0 && split.sources_in_training == 0) return;
  notices.push_back(fmt::format("{}: in the training data too: {} of {}{}", split.file.name, seen,
                                counted(split.file.pairs, "pair"), more_sources(split)));
}

}  // namespace

std::vector<std::string> data_notices(const Dataset& dataset, DataUse use) {
  std::vector<std::string> notices = dataset.notes();
  const TextReport* report = dataset.reading();
  if (report == nullptr) return notices;
  if (use.training) add_training_notices(notices, *report);
  if (use.validation) add_held_out_notices(notices, report->validation);
  if (use.test) add_held_out_notices(notices, report->test);
  add_word_notices(notices, *report, use);
  return notices;
}

void tell_of_data(const Dataset& dataset, DataUse use, std::ostream& err) {
  for (const std::string& notice : data_notices(dataset, use)) err << printable(notice) << '\n';
}

std::vector<std::pair<std::string, std::string>> data_facts(const Dataset& dataset, Split split) {
  if (dataset.reading() == nullptr) return {};
  const SplitReport& report = dataset.reading()->of(split);
  std::vector<std::pair<std::string, std::string>> facts;
  const auto& seen = report.seen_in_training;
  facts.emplace_back("seen in training", seen
                                             ? fmt::format("{} of {}{}", *seen, report.file.pairs, more_sources(report))
                                             : "not known");  // the notice says why
  if (const std::int64_t bad = report.file.bad_lines(); bad > 0) {
    facts.emplace_back("skipped lines", fmt::format("{} of {}", bad, report.file.pairs + bad));
  }
  return facts;
}

std::optional<std::int64_t> seen_in_training(const Dataset& dataset, Split split) {
  const TextReport* report = dataset.reading();
  return report == nullptr ? 0 : report->of(split).seen_in_training;
}

void add_data_facts(Json& object, const Dataset& dataset, Split split) {
  const TextReport* report = dataset.reading();
  const std::optional<std::int64_t> seen = seen_in_training(dataset, split);
  object["skipped_lines"] = report == nullptr ? 0 : report->of(split).file.bad_lines();
  object["seen_in_training"] = seen ? Json(*seen) : Json(nullptr);
  object["sources_seen_in_training"] = report == nullptr ? Json(0)
                                       : seen            ? Json(report->of(split).sources_in_training)
                                                         : Json(nullptr);
}

}  // namespace tapehead
