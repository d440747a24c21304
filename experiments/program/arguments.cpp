#include "experiments/program/arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>

#include "autograd/base/errors.hpp"
#include "autograd/base/suggest.hpp"
#include "experiments/program/help.hpp"

namespace tapehead {
namespace {

namespace po = boost::program_options;

po::options_description describe(const Command& command) {
  po::options_description description;
  for (const OptionSpec& option : option_table()) {
    if (!command.takes(option)) continue;
    const std::string name(option.name);
    if (option.kind == OptionKind::flag) {
      description.add_options()(name.c_str(), "");
    } else {
      description.add_options()(name.c_str(), po::value<std::vector<std::string>>(), "");
    }
  }
  return description;
}

[[noreturn]] void refuse_unknown(const Command& command, const std::string& given) {
  std::string name = given.substr(std::min(given.find_first_not_of('-'), given.size()));
  name.erase(std::min(name.find('='), name.size()));
  std::vector<std::string_view> names;
  for (const OptionSpec& option : option_table()) {
    if (command.takes(option)) names.push_back(option.name);
  }
  const std::string hint = did_you_mean(name, names, "--");
  throw ConfigError(fmt::format("--{}: {} has no such option{}", name, command.name,
                                hint.empty() ? fmt::format("; see tapehead {} --help", command.name) : hint));
}

po::parsed_options parse_words(const Command& command, const std::vector<std::string>& arguments) {
  namespace style = po::command_line_style;
  const po::options_description description = describe(command);
  try {
    po::command_line_parser parser(arguments);
    // Without allow_guessing: a shortened name is a mistake.
    parser.options(description).style(style::allow_long | style::long_allow_adjacent | style::long_allow_next);
    po::parsed_options parsed = parser.run();
    for (po::option& option : parsed.options) {
      if (option.unregistered) refuse_unknown(command, option.string_key);
    }
    return parsed;
  } catch (const po::unknown_option& error) {
    refuse_unknown(command, error.get_option_name());
  } catch (const po::error_with_option_name& error) {
    const std::string name = error.get_option_name();
    const OptionSpec* option = find_option(name.substr(std::min(name.find_first_not_of('-'), name.size())));
    const bool flag = option != nullptr && option->kind == OptionKind::flag;
    throw ConfigError(fmt::format("{}: {}", name, flag ? "takes no value" : "needs a value"));
  }
}

void set_option(Invocation& invocation, const OptionSpec& option, const std::vector<std::string>& values) {
  if (!option.repeatable && invocation.settings.given(option.name)) {
    throw ConfigError(fmt::format("--{}: is given twice", option.name));
  }
  // One of a run may be empty, over one that a configuration file names; so may a text that says what to do, or
  // nothing.
  const bool names_something = option.kind == OptionKind::path || option.repeatable;
  if (names_something && !is_run_option(option) && values.front().empty()) {
    throw ConfigError(fmt::format("--{}: is empty; give {}", option.name, placeholder(option)));
  }
  invocation.settings.set(option.name, values.empty() ? "" : values.front());
}

void take_word(Invocation& invocation, const std::string& word) {
  const Command& command = invocation.command;
  if (word.size() > 1 && word.front() == '-') {
    throw ConfigError(fmt::format("{}: options begin with two dashes; see tapehead {} --help", word, command.name));
  }
  if (command.subject.empty() || !invocation.subject.empty()) {
    throw ConfigError(fmt::format("\"{}\" is one word too many; usage: tapehead {} {}{}[--option value …]", word,
                                  command.name, command.subject, command.subject.empty() ? "" : " "));
  }
  if (word.empty()) throw ConfigError(fmt::format("{}: {} is empty", command.name, command.subject));
  invocation.subject = word;
}

}  // namespace

const Command& find_command(const std::string& name) {
  const auto found = std::ranges::find(commands(), name, &Command::name);
  if (found != commands().end()) return *found;
  std::vector<std::string_view> names;
  for (const Command& command : commands()) names.push_back(command.name);
  const std::string hint = did_you_mean(name, names);
  throw ConfigError(fmt::format("there is no command \"{}\"{}", name, hint.empty() ? "; see tapehead --help" : hint));
}

Invocation parse_arguments(const Command& command, const std::vector<std::string>& given) {
  Invocation invocation{command, {}, {}};
  std::vector<std::string> arguments = given;
  std::ranges::replace(arguments, "-h", "--help");
  if (const auto help = std::ranges::find(arguments, "--help"); help != arguments.end()) {
    invocation.all_help = help + 1 != arguments.end() && help[1] == "all";
    if (invocation.all_help) arguments.erase(help + 1);
  }
  for (const po::option& parsed : parse_words(command, arguments).options) {
    if (parsed.position_key >= 0) {
      take_word(invocation, parsed.value.front());
    } else {
      set_option(invocation, *find_option(parsed.string_key), parsed.value);
    }
  }
  if (invocation.settings.flag("help")) return invocation;
  for (const std::string_view name : command.required) {
    if (!invocation.settings.given(name)) {
      throw ConfigError(fmt::format("{}: --{} is missing; for example: {}", command.name, name, command.example));
    }
  }
  return invocation;
}

}  // namespace tapehead
