#pragma once

#include <chrono>
#include <iosfwd>
#include <string>

#include "trainers/training_observer.hpp"

namespace tapehead {

/// "0:09", "12:34", "1:02:03".
std::string duration_text(double seconds);

/// What is known of a run in one line: step, bar, rate, time left, loss, last validation. At most `width` characters:
/// the rate goes first, then the bar, and step and loss stay.
std::string progress_line(const Progress& progress, std::size_t width);

/// Shows a run as it goes: on a terminal one line that renews itself, elsewhere a plain line every so many steps.
class ProgressDisplay : public TrainingObserver {
 public:
  /// `label` begins every line, and `opening` is the first of them; either may be empty.
  ProgressDisplay(std::ostream& out, bool terminal, std::int64_t log_every, const std::string& label = {},
                  const std::string& opening = {});
  ~ProgressDisplay() override;

  void on_start(const Progress& progress) override;
  void on_step(const Progress& progress) override;
  void on_validation(const Progress& progress) override;
  void on_warning(const std::string& text) override;
  void on_skip(const Progress& progress, const std::string& why) override;

 private:
  void draw(const Progress& progress);
  void print(const Progress& progress);
  void say(const std::string& text);

  std::ostream& out_;
  bool terminal_;
  std::int64_t log_every_;
  std::string label_, opening_;
  std::chrono::steady_clock::time_point next_drawing_;
  bool line_open_ = false;
};

}  // namespace tapehead
