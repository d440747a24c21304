#include "layers/recurrent/cell.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

std::string names_with(const char* between) {
  std::string names;
  for (const CellSpec& spec : cell_specs()) names += (names.empty() ? "" : between) + spec.name;
  return names;
}

}  // namespace

const CellSpec& find_cell(const std::string& name) {
  const auto found = std::ranges::find(cell_specs(), name, &CellSpec::name);
  if (found != cell_specs().end()) return *found;
  throw ConfigError(fmt::format("cell: \"{}\" is none of {}", name, names_with(", ")));
}

std::string cell_names() { return names_with(" "); }

}  // namespace tapehead
