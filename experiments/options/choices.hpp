#pragma once

#include <string>
#include <vector>

namespace tapehead {

/// Something that people choose by name, with what it is.
struct Choice {
  std::string name, description;
};

/// Every task that there is: the made ones, and `text`. `tapehead list` and the choices of --task are made from this.
const std::vector<Choice>& all_tasks();

/// Every model that there is, for `tapehead list` and --model.
const std::vector<Choice>& all_models();

/// The names of one of these lists, separated by one space, as OptionSpec::choices has them.
std::string words_of(const std::vector<Choice>& choices);

}  // namespace tapehead
