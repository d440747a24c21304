#include "experiments/report/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <ostream>
#include <utility>
#include <vector>

#include "autograd/base/text.hpp"
#include "experiments/report/figures.hpp"
#include "experiments/report/terminal.hpp"
#include "experiments/report/text_width.hpp"

namespace tapehead {
namespace {

constexpr std::int64_t kBarCells = 20;
constexpr std::int64_t kShortBarCells = 8;
constexpr auto kBetweenDrawings = std::chrono::milliseconds(100);

double steps_per_second(const Progress& progress) {
  const double seconds = progress.seconds - progress.seconds_before;
  return seconds > 0 ? static_cast<double>(progress.step - progress.first_step) / seconds : 0;
}

std::string rate_text(const Progress& progress) {
  const double rate = steps_per_second(progress);
  return rate < 100 ? fmt::format("{:.3g} steps/s", rate) : fmt::format("{:.0f} steps/s", rate);
}

// "exact 50.0%": the first word of the name is enough.
std::string short_text(const Result& result) {
  const std::string name = result.name.substr(0, result.name.find('_'));
  const bool share = result.unit == "share" && std::isfinite(result.value);
  return name + " " + (share ? figure(100 * result.value, 1) + "%" : figure(result.value));
}

std::string bar(const Progress& progress, std::int64_t cells) {
  const std::int64_t filled = progress.steps > 0 ? progress.step * cells / progress.steps : cells;
  std::string text;
  for (std::int64_t i = 0; i < cells; ++i) text += i < filled ? "█" : "░";
  return text;
}

// A part of the line with the space before it. Where the line is too long, parts of little value go first.
struct Part {
  std::string text;
  int value = 0;
};

constexpr int kAlways = 100;
constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

std::string joined(const std::vector<Part>& parts, int least_value) {
  std::string text;
  for (const Part& part : parts) {
    if (part.value >= least_value) text += part.text;
  }
  return text;
}

}  // namespace

std::string duration_text(double seconds) {
  if (!(seconds >= 0) || seconds > 1e8) return "?";
  const auto whole = static_cast<std::int64_t>(std::lround(seconds));
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string progress_line(const Progress& progress, std::size_t width) {
  const double rate = steps_per_second(progress);
  const double left = static_cast<double>(progress.steps - progress.step) / rate;
  std::vector<Part> parts{{fmt::format("{}/{}", progress.step, progress.steps), kAlways},
                          {" " + bar(progress, kBarCells), 3},
                          {" " + rate_text(progress), 1},
                          {fmt::format("  {} left", duration_text(left)), 5},
                          {fmt::format("  loss {}", figure(progress.loss)), kAlways}};
  if (progress.validation != nullptr) {
    parts.push_back({fmt::format("  valid loss {}", figure(progress.validation->value("loss"))), 4});
    if (const Result* other = beside_loss(*progress.validation)) parts.push_back({" " + short_text(*other), 6});
  }
  for (int least = 0; least < kAlways; ++least) {
    if (least == 3) parts[1].text = " " + bar(progress, kShortBarCells);  // before anything else of use goes
    const std::string line = joined(parts, least);
    if (text_width(line) <= width) return line;
  }
  return shortened(joined(parts, kAlways), width);
}

ProgressDisplay::ProgressDisplay(std::ostream& out, bool terminal, std::int64_t log_every, const std::string& label,
                                 const std::string& opening)
    : out_(out), terminal_(terminal), log_every_(log_every), label_(printable(label)), opening_(printable(opening)) {}

ProgressDisplay::~ProgressDisplay() {
  if (line_open_) out_ << std::endl;
}

void ProgressDisplay::on_start(const Progress&) {
  if (!opening_.empty()) say(opening_);
}

void ProgressDisplay::on_step(const Progress& progress) {
  const bool last = progress.step == progress.steps;
  if (!terminal_) {
    if (last || progress.step % log_every_ == 0) print(progress);
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  if (!last && now < next_drawing_) return;
  next_drawing_ = now + kBetweenDrawings;
  draw(progress);
}

void ProgressDisplay::on_validation(const Progress& progress) {
  if (terminal_) {
    draw(progress);
  } else {
    const Evaluation& v = *progress.validation;
    const std::int64_t sequences = v.count("sequences");
    const std::string first = sequences < v.available ? "the first " : "";
    const std::string of = sequences < v.available ? fmt::format(" of {}", v.available) : "";
    const std::string unknown =
        v.count("unknown_tokens") > 0 ? fmt::format("  unknown words {:.1f}%", 100 * v.value("unknown_share")) : "";
    std::string text = fmt::format("step {}  validation on {}{}{} {}:", progress.step, first, sequences, of,
                                   sequences == 1 && of.empty() ? "sequence" : "sequences");
    const char* gap = " ";
    for (const Result& result : v.results) {
      // A perplexity, which has no unit, says the loss again.
      if (!result.common || (result.unit.empty() && result.name != "loss")) continue;
      text += fmt::format("{}{} {}", std::exchange(gap, "  "), plain_name(result.name), figure(result.value));
    }
    say(text + unknown);
  }
}

void ProgressDisplay::on_warning(const std::string& text) {
  if (line_open_) out_ << "\r\x1b[K";
  out_ << label_ << "warning: " << one_line(text) << std::endl;
}

void ProgressDisplay::on_skip(const Progress& progress, const std::string& why) {
  if (line_open_) out_ << "\r\x1b[K";
  out_ << label_ << "step " << progress.step << " is left out: " << one_line(why) << std::endl;
}

void ProgressDisplay::draw(const Progress& progress) {
  const std::size_t width = terminal_width(STDERR_FILENO) - 1;
  const std::size_t all = text_width(label_) + text_width(progress_line(progress, kUnlimited));
  const std::string label = all <= width ? label_ : one_line(label_, width / 2);
  out_ << '\r' << label << progress_line(progress, width - text_width(label)) << "\x1b[K" << std::flush;
  line_open_ = true;
}

void ProgressDisplay::print(const Progress& progress) {
  say(fmt::format("step {}/{}  loss {}  lr {:.3g}  {}", progress.step, progress.steps, figure(progress.loss),
                  progress.learning_rate, rate_text(progress)));
}

void ProgressDisplay::say(const std::string& text) {
  out_ << wrapped(label_ + text, terminal_width(STDERR_FILENO), 2) << std::endl;
}

}  // namespace tapehead
