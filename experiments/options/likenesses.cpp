#include "experiments/options/likenesses.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tapehead {
namespace {

Settings settings_of(const Preset& likeness) {
  Settings settings;
  settings.read_config(likeness.text, Origin::preset, fmt::format("like {}", likeness.name));
  return settings;
}

}  // namespace

std::string likeness_names() {
  std::string names = "none";
  for (const Preset& likeness : likenesses()) names += fmt::format(" {}", likeness.name);
  return names;
}

std::string values_of(const Preset& likeness) {
  const Settings settings = settings_of(likeness);
  std::string text;
  for (const OptionSpec& option : option_table()) {
    if (!settings.given(option.name)) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", option.name, settings.text(option.name));
  }
  return text;
}

void apply_likeness(Settings& settings) {
  const auto chosen = std::ranges::find(likenesses(), settings.text("like"), &Preset::name);
  if (chosen == likenesses().end()) return;  // none
  const Origin strength = std::min(settings.origin("like"), Origin::command_line);
  const Settings values = settings_of(*chosen);
  for (const OptionSpec& option : option_table()) {
    if (values.given(option.name) && settings.origin(option.name) < strength) settings.take(option.name, values);
  }
}

}  // namespace tapehead
