#include "experiments/options/likenesses.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "experiments/options/conditions.hpp"

namespace tapehead {
namespace {

Settings settings_of(const Preset& likeness) {
  Settings settings;
  settings.read_config(likeness.text, Origin::preset, fmt::format("like {}", likeness.name));
  return settings;
}

const Preset* chosen_likeness(const Settings& settings) {
  const auto chosen = std::ranges::find(likenesses(), settings.text("like"), &Preset::name);
  return chosen == likenesses().end() ? nullptr : &*chosen;  // none
}

// From here on a value is somebody's own.
Origin strength_of_likeness(const Settings& settings) { return std::min(settings.origin("like"), Origin::file); }

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
  const Preset* chosen = chosen_likeness(settings);
  if (chosen == nullptr) return;
  const Settings values = settings_of(*chosen);
  Settings with = settings;
  std::vector<const OptionSpec*> taken;
  for (const OptionSpec& option : option_table()) {
    if (!values.given(option.name) || settings.origin(option.name) >= strength_of_likeness(settings)) continue;
    with.take(option.name, values);
    if (option.name != "model") taken.push_back(&option);  // the one that others may not apply to
  }
  // One that is left out may leave others without use.
  const auto is_left_out = [&](const OptionSpec* option) {
    if (obstacle(with, *option, values.text(option->name)).empty()) return false;
    with.take(option->name, settings);
    return true;
  };
  while (std::erase_if(taken, is_left_out) > 0) {
  }
  settings = std::move(with);
}

std::string left_out_of_likeness(const Settings& settled) {
  const Preset* chosen = chosen_likeness(settled);
  if (chosen == nullptr) return {};
  const Settings values = settings_of(*chosen);
  std::vector<std::pair<std::string, std::vector<std::string_view>>> causes;
  for (const OptionSpec& option : option_table()) {
    if (!values.given(option.name) || settled.origin(option.name) >= strength_of_likeness(settled)) continue;
    const std::string_view cause = obstacle(settled, option, values.text(option.name));
    if (cause.empty()) continue;
    const std::string because = fmt::format("{} {}", cause, settled.text(cause));
    const auto found = std::ranges::find(causes, because, [](const auto& each) { return each.first; });
    auto& names = found != causes.end() ? found->second : causes.emplace_back(because, 0).second;
    names.push_back(option.name);
  }
  std::string text;
  for (const auto& [because, names] : causes) {
    text += fmt::format("{}{} {} not apply to {}", text.empty() ? fmt::format("like {}: ", chosen->name) : "; ",
                        fmt::join(names, ", "), names.size() == 1 ? "does" : "do", because);
  }
  return text;
}

}  // namespace tapehead
