#include "experiments/program/help.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "autograd/base/counted.hpp"
#include "experiments/program/definitions.hpp"
#include "experiments/report/text_width.hpp"

namespace tapehead {
namespace {

Definition entry_of(const OptionSpec& option) {
  const std::string value = placeholder(option);
  Definition entry{fmt::format("--{}{}{}", option.name, value.empty() ? "" : " ", value), std::string(option.help)};
  if (!option.unit.empty()) entry.text += fmt::format(", in {}", option.unit);
  if (!option.when.empty()) entry.text += fmt::format("; {}", option.when);
  if (!option.zero.empty()) entry.text += fmt::format("; 0: {}", option.zero);
  if (!option.choices.empty()) {
    entry.text +=
        fmt::format(": {}{}", choices_for_people(option), option.kind == OptionKind::formula ? ", or a number" : "");
  }
  if (!option.fallback.empty()) entry.text += fmt::format(" [{}]", option.fallback);
  return entry;
}

struct Group {
  OptionGroup group;
  const char* title;
};

constexpr auto kGroups = std::to_array<Group>({{OptionGroup::command, "options"},
                                               {OptionGroup::data, "data"},
                                               {OptionGroup::model, "model"},
                                               {OptionGroup::training, "training"}});

// " (train, ablate)", or nothing where every command takes it.
std::string takers_of(const OptionSpec& option) {
  std::vector<std::string_view> names;
  for (const Command& command : commands()) {
    if (command.takes(option)) names.push_back(command.name);
  }
  return names.size() == commands().size() ? "" : fmt::format(" ({})", fmt::join(names, ", "));
}

// So few options that none are left out of the short help.
constexpr std::int64_t kFewOptions = 20;

}  // namespace

std::string placeholder(const OptionSpec& option) {
  if (!option.placeholder.empty()) return std::string(option.placeholder);
  switch (option.kind) {
    case OptionKind::flag:
      return {};
    case OptionKind::integer:
      return "N";
    case OptionKind::real:
      return "X";
    case OptionKind::word:
    case OptionKind::formula:
      return "WORD";
    case OptionKind::path:
    case OptionKind::pair_files:
      return "FILE";
    case OptionKind::text:
      return "TEXT";
  }
  return {};
}

std::string program_help(std::size_t width) {
  std::string text =
      wrapped("tapehead trains small attention models, shows what they attend to, and proves their gradients.", width);
  text += "\n\n" + wrapped("usage: tapehead COMMAND [SUBJECT] [--option value …]", width, 2) + "\n\n";
  std::vector<Definition> entries;
  for (const Command& command : commands())
    entries.push_back({std::string(command.name), std::string(command.summary)});
  text += definitions(entries, width);
  return text + "\n" + wrapped("Options and an example of a command: tapehead COMMAND --help", width) + "\n";
}

std::string program_help_with_all_options(std::size_t width) {
  std::string text = program_help(width);
  std::string of_commands;
  for (const auto& [group, title] : kGroups) {
    const bool single = group == OptionGroup::command;
    std::vector<Definition> entries;
    for (const OptionSpec& option : option_table()) {
      if (option.group != group) continue;
      entries.push_back(entry_of(option));
      if (single) entries.back().text += takers_of(option);
    }
    std::string& section = single ? of_commands : text;
    section += fmt::format("\n{}:\n{}", single ? "options of single commands" : title, definitions(entries, width));
  }
  return text + of_commands;
}

std::string command_help(const Command& command, bool all, std::size_t width) {
  const std::string usage = fmt::format("usage: tapehead {} {}{}[--option value …]", command.name, command.subject,
                                        command.subject.empty() ? "" : " ");
  std::string text = wrapped(usage, width, 2) + "\n\n" + wrapped(command.summary, width) + "\n";
  const std::vector<OptionSpec> taken = options_of(command);
  const bool show_all = all || std::ssize(taken) <= kFewOptions;
  std::int64_t hidden = 0;
  for (const auto& [group, title] : kGroups) {
    std::vector<Definition> entries;
    for (const OptionSpec& option : taken) {
      if (option.group != group) continue;
      if (show_all || option.common) {
        entries.push_back(entry_of(option));
      } else {
        ++hidden;
      }
    }
    if (!entries.empty()) text += fmt::format("\n{}:\n{}", title, definitions(entries, width));
  }
  if (hidden > 0) {
    text += "\n" +
            wrapped(fmt::format("{} not shown: tapehead {} --help all", counted(hidden, "more option"), command.name),
                    width, 2) +
            "\n";
  }
  if (command.run_options) {
    text +=
        "\n" + wrapped("Defaults in brackets; a preset or a file given with --config may set others.", width) + "\n";
  }
  return text + "\n" + wrapped(fmt::format("example: {}", command.example), width, 2) + "\n";
}

}  // namespace tapehead
