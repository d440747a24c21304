#include "experiments/options/conditions.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <span>
#include <sstream>
#include <vector>

#include "experiments/program/command.hpp"

namespace tapehead {
namespace {

using Test = Condition::Test;

const OptionSpec& option_of(const Condition& condition) { return option_table()[option_index(condition.option)]; }

// "adam or adamw".
std::string alternatives(std::string_view words) {
  std::string text;
  for (const char c : words) text += c == ' ' ? std::string(" or ") : std::string(1, c);
  return text;
}

// What a condition fails by in the end, all of it: the option that it names may do nothing because of others.
void add_roots(const Settings& settings, const Condition& condition, std::vector<Condition>& roots) {
  const OptionSpec& option = option_of(condition);
  if (applies(settings, option)) return roots.push_back(condition);
  for (const Condition& each : option.applies_when) {
    if (each.exists()) add_roots(settings, each, roots);
  }
}

// "does not apply to model rnn (default); it is for model decoder or encoder", where all of the conditions fail by one
// choice that has to be another first; empty where they do not.
std::string why_not_chosen(const Settings& settings, std::span<const Condition> failed) {
  std::vector<Condition> roots;
  for (const Condition& each : failed) add_roots(settings, each, roots);
  const std::string_view name = roots.front().option;
  for (const Condition& root : roots) {
    if (root.test != Test::one_of || root.option != name) return {};
  }
  const OptionSpec& option = option_of(roots.front());
  std::string fitting;
  std::istringstream words(option.choices);
  for (std::string word; words >> word;) {
    const bool fits = std::ranges::any_of(roots, [&](const Condition& root) { return root.holds_for(word); });
    if (fits) fitting += (fitting.empty() ? "" : " or ") + word;
  }
  return fmt::format("does not apply to {}; it is for {} {}", shown(settings, name), name, fitting);
}

// Why this condition fails, after the name of the option that it is about.
std::string why_failed(const Settings& settings, const Condition& condition) {
  const OptionSpec& option = option_of(condition);
  const std::string& value = settings.text(option.name);
  if (std::string text = why_not_chosen(settings, {&condition, 1}); !text.empty()) return text;
  switch (condition.test) {
    case Test::on: {
      std::string text = fmt::format("does nothing without --{}", option.name);
      if (!applies(settings, option)) return text + ", which " + why_useless(settings, option);
      if (value.empty()) return text;
      return fmt::format("{}, which is {} ({})", text, value, origin_text(settings, option.name));
    }
    case Test::off:
      return fmt::format("does nothing with --{}", option.name);
    case Test::one_of:
      return fmt::format("does nothing without --{}, which {}", option.name, why_useless(settings, option));
    case Test::none_of:
      return fmt::format("does not apply to {}", shown(settings, option.name));
  }
  return {};
}

// What would fulfil the condition: "--early-stop", "--schedule plateau".
std::string remedy(const Condition& condition) {
  if (condition.test == Test::one_of) {
    return fmt::format("--{} {}", condition.option, alternatives(condition.words));
  }
  return fmt::format("--{}", condition.option);
}

std::string why_useless(const Settings& settings, std::span<const Condition> conditions) {
  std::vector<Condition> failed;
  std::ranges::copy_if(conditions, std::back_inserter(failed), &Condition::exists);
  if (std::string text = why_not_chosen(settings, failed); !text.empty()) return text;
  // What belongs to another choice is no advice: a file of validation pairs for a made task.
  const auto out_of_reach = [&](const Condition& each) {
    const OptionSpec& option = option_of(each);
    return !applies(settings, option) && !option.applies_when.front().words.empty();
  };
  if (!std::ranges::all_of(failed, out_of_reach)) std::erase_if(failed, out_of_reach);
  if (failed.size() == 1) return why_failed(settings, failed.front());
  std::vector<std::string> remedies;
  for (const Condition& each : failed) remedies.push_back(remedy(each));
  return fmt::format("does nothing without {}", fmt::join(remedies, " or "));
}

// A 0 or no that is the default too says "none", which is what happens.
bool asks_for_nothing(const Settings& settings, const OptionSpec& option) {
  return is_among("0 no", option.fallback) && settings.text(option.name) == option.fallback;
}

// Whether the options that it depends on were chosen over it: by the command line over a file, say.
bool is_overruled(const Settings& settings, const OptionSpec& option) {
  const auto stronger = [&](const Condition& each) {
    return each.exists() && settings.origin(each.option) > settings.origin(option.name);
  };
  return std::ranges::any_of(option.applies_when, stronger);
}

// What the value lacks, or nullptr.
const ValueNeed* unmet_need(const Settings& settings, const OptionSpec& option, std::string_view value) {
  const auto unmet = std::ranges::find_if(option.needs, [&](const ValueNeed& need) {
    return need.needs.exists() && is_among(need.values, value) && !holds(settings, need.needs);
  });
  return unmet == option.needs.end() ? nullptr : &*unmet;
}

// What a condition fails by in the end: the option that it names may do nothing because of another.
std::string_view root_of(const Settings& settings, const Condition& condition) {
  const OptionSpec& option = option_of(condition);
  return applies(settings, option) ? option.name : root_of(settings, option.applies_when.front());
}

bool is_part_of_a_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_'; }

// Where a word stands in a text by itself, or npos.
std::size_t find_word(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    const bool begins = at == 0 || !is_part_of_a_word(text[at - 1]) || text.substr(0, at).ends_with("--");
    if (begins && (end == text.size() || !is_part_of_a_word(text[end]))) return at;
  }
  return std::string_view::npos;
}

}  // namespace

bool holds(const Settings& settings, const Condition& condition) {
  const bool counts = applies(settings, option_of(condition));
  return condition.holds_for(counts ? std::string_view(settings.text(condition.option)) : std::string_view());
}

bool applies(const Settings& settings, const OptionSpec& option) {
  const auto& conditions = option.applies_when;
  return !conditions.front().exists() ||
         std::ranges::any_of(conditions, [&](const Condition& each) { return each.exists() && holds(settings, each); });
}

std::string origin_text(const Settings& settings, std::string_view name) {
  const std::string& where = settings.where(name);
  switch (settings.origin(name)) {
    case Origin::fallback:
      return "default";
    case Origin::preset:
      return where.substr(0, where.find(':'));  // the line of a preset helps nobody
    case Origin::saved:
    case Origin::file:
      return where.substr(0, where.rfind(':'));
    case Origin::command_line:
      return where == fmt::format("--{}", name) ? "command line" : where;
    case Origin::variation:
      return "--vary";
  }
  return {};
}

std::string why_useless(const Settings& settings, const OptionSpec& option) {
  return why_useless(settings, option.applies_when);
}

std::string_view obstacle(const Settings& settings, const OptionSpec& option, std::string_view value) {
  if (!applies(settings, option)) return root_of(settings, option.applies_when.front());
  const ValueNeed* unmet = unmet_need(settings, option, value);
  return unmet == nullptr ? std::string_view() : root_of(settings, unmet->needs);
}

void refuse_useless_options(const Settings& settings) {
  for (const OptionSpec& option : option_table()) {
    if (!is_run_option(option) || !settings.given(option.name) || applies(settings, option)) continue;
    const bool asked_for = settings.origin(option.name) >= Origin::file && !asks_for_nothing(settings, option);
    if (asked_for && !is_overruled(settings, option)) {
      throw ConfigError(fmt::format("{}: {}", settings.where(option.name), why_useless(settings, option)));
    }
  }
}

void settle_useless_options(Settings& settings) {
  refuse_useless_options(settings);
  // All at once: what an option depends on must not change while others are looked at.
  std::vector<std::string_view> useless;
  for (const OptionSpec& option : option_table()) {
    if (is_run_option(option) && settings.given(option.name) && !applies(settings, option))
      useless.push_back(option.name);
  }
  for (const std::string_view name : useless) settings.drop(name);
}

void refuse_useless_options(const Command& command, const Settings& settings) {
  for (const OptionSpec& option : option_table()) {
    if (is_run_option(option) || !settings.given(option.name) || applies(settings, option)) continue;
    throw ConfigError(fmt::format("{}: {}", settings.where(option.name), why_useless(settings, option)));
  }
  for (const auto& [name, condition] : command.conditions) {
    if (!settings.given(name) || holds(settings, condition)) continue;
    throw ConfigError(fmt::format("{}: {}", settings.where(name), why_failed(settings, condition)));
  }
}

void refuse_unmet_needs(const Settings& settings) {
  for (const OptionSpec& option : option_table()) {
    const ValueNeed* unmet = unmet_need(settings, option, settings.text(option.name));
    if (unmet == nullptr) continue;
    const Condition& needs = unmet->needs;
    const bool unset = needs.test == Test::on && applies(settings, option_of(needs));
    std::string text =
        unset                     ? fmt::format("needs --{}, which is {}", needs.option,
                                                fmt::format("{} ({})", settings.text(needs.option), origin_text(settings, needs.option)))
        : needs.test == Test::off ? "does not go with " + shown(settings, needs.option)
                                  : why_failed(settings, needs);
    if (!unmet->why.empty()) text += fmt::format(", because {}", unmet->why);
    throw ConfigError(fmt::format("{}: {} {}", settings.where(option.name), settings.text(option.name), text));
  }
}

std::string shown(const Settings& settings, std::string_view option) {
  return fmt::format("{} {} ({})", option, settings.text(option), origin_text(settings, option));
}

std::string with_origins(const Settings& settings, const std::string& message) {
  std::vector<std::pair<std::size_t, std::string>> origins;  // in the order of the message
  bool typed = true;
  for (const OptionSpec& option : option_table()) {
    if (!is_run_option(option)) continue;
    const std::size_t at = find_word(message, option.name);
    // A name that is also a plain word is meant only where its value follows, or where the message begins with it.
    const std::string& value = settings.text(option.name);
    if (at == std::string::npos || value.empty()) continue;
    if (at != 0 && find_word(message, value) == std::string::npos) continue;
    origins.emplace_back(at, fmt::format("{} {}: {}", option.name, value, origin_text(settings, option.name)));
    typed = typed && settings.origin(option.name) == Origin::command_line;
  }
  if (typed) return message;
  std::ranges::sort(origins);
  std::string text;
  for (const auto& [at, origin] : origins) text += (text.empty() ? "" : "; ") + origin;
  return fmt::format("{} ({})", message, text);
}

}  // namespace tapehead
