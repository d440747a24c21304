#include "experiments/options/presets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "autograd/base/errors.hpp"
#include "autograd/base/suggest.hpp"

namespace tapehead {

std::string_view Preset::description() const {
  const std::string_view line = text.substr(0, text.find('\n'));
  return line.substr(std::min(line.find_first_not_of("# "), line.size()));
}

const Preset& find_preset(std::string_view name) {
  const auto found = std::ranges::find(presets(), name, &Preset::name);
  if (found != presets().end()) return *found;
  std::vector<std::string_view> names;
  for (const Preset& preset : presets()) names.push_back(preset.name);
  const std::string hint = did_you_mean(name, names);
  throw ConfigError(fmt::format("there is no preset \"{}\"{}", name, hint.empty() ? "; see tapehead list" : hint));
}

}  // namespace tapehead
