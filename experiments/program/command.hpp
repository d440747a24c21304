#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autograd/base/file.hpp"
#include "experiments/options/settings.hpp"

namespace tapehead {

/// Where a command reads and writes: results to `out`, everything else to `err`.
struct Console {
  ByteSource& in;
  std::ostream& out;
  std::ostream& err;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  std::size_t width = 80;  ///< characters that fit into a line of `out`
};

/// A command that saved because a signal asked it to end returns 128 and the signal's number (InterruptGuard::status).
enum ExitStatus : int { kDone = 0, kCheckFailed = 1, kWrongUsage = 2 };

struct Command;

/// One call of the program, its options checked.
struct Invocation {
  const Command& command;
  std::string subject;    ///< the word after the command; empty if there is none
  Settings settings;      ///< defaults and the command line
  bool all_help = false;  ///< whether --help asks for all options
};

/// A command of the program, as data: arguments, help and refusals follow from it. NAME stands in commands/NAME.cpp,
/// and is handed out by `Command command_NAME()`.
struct Command {
  std::string_view name;
  std::string_view subject;  ///< how help writes the word after the command; empty: there is none
  std::string_view summary;  ///< one line
  std::string_view example;
  bool run_options = false;         ///< takes every option that makes a run
  bool model_options = false;       ///< takes those of a model, but for what follows from data
  std::vector<OptionSpec> options;  ///< its others: described if they are its own, by name if they are not
  std::vector<std::string_view> required = {};
  /// Of options of this command, beside the table's.
  std::vector<std::pair<std::string_view, Condition>> conditions = {};
  int (*run)(const Invocation&, Console&) = nullptr;
  /// What helps where there is too little memory.
  std::string_view memory_advice = "take a smaller model or a smaller batch";

  bool takes(const OptionSpec& option) const;
};

/// The options that a command takes, in the order of its help: its own as it lists them, then those of a run.
std::vector<OptionSpec> options_of(const Command& command);

/// Every command, in the order of the program's help. Generated from the list in experiments/CMakeLists.txt.
const std::vector<Command>& commands();

}  // namespace tapehead
