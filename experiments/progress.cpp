#include "experiments/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <ostream>

#include "autograd/base/text.hpp"
#include "experiments/terminal.hpp"
#include "experiments/text_width.hpp"

namespace tapehead {
namespace {

constexpr std::int64_t kBarCells = 20;
constexpr auto kBetweenDrawings = std::chrono::milliseconds(100);

double steps_per_second(const Progress& progress) {
  const double seconds = progress.seconds - progress.seconds_before;
  return seconds > 0 ? static_cast<double>(progress.step - progress.first_step) / seconds : 0;
}

std::string bar(const Progress& progress) {
  const std::int64_t filled = progress.steps > 0 ? progress.step * kBarCells / progress.steps : kBarCells;
  std::string text;
  for (std::int64_t i = 0; i < kBarCells; ++i) text += i < filled ? "█" : "░";
  return text;
}

std::string validation_text(const Progress& progress) {
  if (progress.validation == nullptr) return {};
  return fmt::format("  valid loss {:.4f} exact {:.1f}%", progress.validation->loss,
                     100 * progress.validation->exact_match);
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
  return shortened(fmt::format("{}/{} {} {:.4g} steps/s  {} left  loss {:.4f}{}", progress.step, progress.steps,
                               bar(progress), rate, duration_text(left), progress.loss, validation_text(progress)),
                   width);
}

ProgressDisplay::ProgressDisplay(std::ostream& out, bool terminal, std::int64_t log_every, const std::string& label,
                                 const std::string& opening)
    : out_(out), terminal_(terminal), log_every_(log_every), label_(printable(label)), opening_(printable(opening)) {}

ProgressDisplay::~ProgressDisplay() {
  if (line_open_) out_ << std::endl;
}

void ProgressDisplay::on_start(const Progress&) {
  if (!opening_.empty()) out_ << label_ << opening_ << std::endl;
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
    const std::string first = v.sequences < v.available ? "the first " : "";
    const std::string of = v.sequences < v.available ? fmt::format(" of {}", v.available) : "";
    const std::string unknown =
        v.unknown_tokens > 0 ? fmt::format("  unknown words {:.1f}%", 100 * v.unknown_share) : "";
    out_ << label_ << "step " << progress.step
         << fmt::format("  validation on {}{}{} sequences: loss {:.4f}  token accuracy {:.4f}  exact match {:.4f}{}",
                        first, v.sequences, of, v.loss, v.token_accuracy, v.exact_match, unknown)
         << std::endl;
  }
}

void ProgressDisplay::on_warning(const std::string& text) {
  out_ << label_ << "warning: " << one_line(text) << std::endl;
}

void ProgressDisplay::on_skip(const Progress& progress, const std::string& why) {
  if (line_open_) out_ << "\r\x1b[K";
  out_ << label_ << "step " << progress.step << " is left out: " << one_line(why) << std::endl;
}

void ProgressDisplay::draw(const Progress& progress) {
  const std::size_t width = terminal_width(STDERR_FILENO) - 1;
  const std::size_t used = std::min(width, text_width(label_));
  out_ << '\r' << label_ << progress_line(progress, width - used) << "\x1b[K" << std::flush;
  line_open_ = true;
}

void ProgressDisplay::print(const Progress& progress) {
  out_ << label_ << "step " << progress.step << "/" << progress.steps
       << fmt::format("  loss {:.4f}  lr {:.3g}  {:.4g} steps/s", progress.loss, progress.learning_rate,
                      steps_per_second(progress))
       << std::endl;
}

}  // namespace tapehead
