#include "experiments/program/program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <ostream>

#include "autograd/base/errors.hpp"
#include "experiments/options/conditions.hpp"
#include "experiments/program/arguments.hpp"
#include "experiments/program/help.hpp"
#include "experiments/report/text_width.hpp"

namespace tapehead {
namespace {

int run_command(const std::vector<std::string>& words, Console& console) {
  const Command& command = find_command(words.front());
  const Invocation invocation = parse_arguments(command, {words.begin() + 1, words.end()});
  if (invocation.settings.flag("help")) {
    console.out << command_help(command, invocation.all_help, console.width);
    return kDone;
  }
  refuse_useless_options(command, invocation.settings);
  try {
    return command.run(invocation, console);
  } catch (const std::bad_alloc&) {
    throw Error(fmt::format("there is not enough memory; {}", command.memory_advice));
  }
}

int dispatch(const std::vector<std::string>& words, Console& console) {
  if (words.empty()) {
    console.err << program_help(console.width);
    return kWrongUsage;
  }
  const std::string& first = words.front();
  if (first == "--version") return run_command({"version"}, console);
  if (first != "--help" && first != "-h" && first != "help") return run_command(words, console);
  if (words.size() == 2 && words[1] == "all") {
    console.out << program_help_with_all_options(console.width);
    return kDone;
  }
  if (words.size() == 3 && words[2] == "all") return run_command({words[1], "--help", "all"}, console);
  if (words.size() > 1) return run_command({words[1], "--help"}, console);
  console.out << program_help(console.width);
  return kDone;
}

int refuse(Console& console, const std::string& message) {
  console.out.flush();
  console.err << "tapehead: " << one_line(message) << std::endl;
  return kWrongUsage;
}

}  // namespace

int run_program(const std::vector<std::string>& words, Console& console) {
  try {
    const int status = dispatch(words, console);
    if (!console.out.flush()) return refuse(console, "the results cannot be written to standard output");
    return status;
  } catch (const std::bad_alloc&) {
    return refuse(console, "there is not enough memory; take a smaller model or a smaller batch");
  } catch (const std::exception& error) {
    return refuse(console, error.what());
  }
}

}  // namespace tapehead
