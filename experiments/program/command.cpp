#include "experiments/program/command.hpp"

#include <algorithm>

#include "experiments/options/options.hpp"

namespace tapehead {

bool Command::takes(const OptionSpec& option) const {
  if (option.name == "help" || (run_options && is_run_option(option))) return true;
  if (model_options && option.group == OptionGroup::model && !option.zero_is_automatic) return true;
  return std::ranges::find(options, option.name, &OptionSpec::name) != options.end();
}

std::vector<OptionSpec> options_of(const Command& command) {
  std::vector<OptionSpec> taken;
  for (const OptionSpec& named : command.options) {
    const OptionSpec& option = *find_option(named.name);
    if (!is_run_option(option)) taken.push_back(option);
  }
  taken.push_back(*find_option("help"));
  for (const OptionSpec& option : option_table()) {
    if (is_run_option(option) && command.takes(option)) taken.push_back(option);
  }
  return taken;
}

}  // namespace tapehead
