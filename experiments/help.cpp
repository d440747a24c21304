#include "experiments/help.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tapehead {
namespace {

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
      return "FILE";
    case OptionKind::text:
      return "TEXT";
  }
  return {};
}

std::string option_line(const OptionSpec& option) {
  const std::string left = fmt::format("--{} {}", option.name, placeholder(option));
  std::string right(option.help);
  if (!option.choices.empty()) {
    right +=
        fmt::format(": {}{}", choices_for_people(option), option.kind == OptionKind::formula ? ", or a number" : "");
  }
  if (!option.fallback.empty()) right += fmt::format(" [{}]", option.fallback);
  return fmt::format("  {:<22} {}\n", left, right);
}

std::string option_group(const Command& command, OptionGroup first, OptionGroup last, const char* title) {
  std::string lines;
  for (const OptionSpec& option : option_table()) {
    if (option.group >= first && option.group <= last && command.takes(option)) lines += option_line(option);
  }
  return lines.empty() ? lines : fmt::format("\n{}:\n{}", title, lines);
}

}  // namespace

std::string program_help() {
  std::string text =
      "tapehead trains small attention models, shows what they attend to, and proves their gradients.\n\n"
      "usage: tapehead COMMAND [SUBJECT] [--option value …]\n\n";
  for (const Command& command : commands()) {
    text += fmt::format("  {:<10} {}\n", command.name, command.summary);
  }
  return text + "\nOptions and an example of a command: tapehead COMMAND --help\n";
}

std::string command_help(const Command& command) {
  std::string text = fmt::format("usage: tapehead {} {}{}[--option value …]\n\n{}\n", command.name, command.subject,
                                 command.subject.empty() ? "" : " ", command.summary);
  text += option_group(command, OptionGroup::command, OptionGroup::command, "options");
  text += option_group(command, OptionGroup::data, OptionGroup::text_data, "data");
  text += option_group(command, OptionGroup::model, OptionGroup::model, "model");
  text += option_group(command, OptionGroup::training, OptionGroup::execution, "training");
  if (command.run_options) text += "\nDefaults in brackets; a preset or a file given with --config may set others.\n";
  return text + fmt::format("\nexample: {}\n", command.example);
}

}  // namespace tapehead
