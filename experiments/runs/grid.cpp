#include "experiments/runs/grid.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/errors.hpp"
#include "autograd/base/suggest.hpp"

namespace tapehead {
namespace {

bool can_be_varied(const OptionSpec& option) {
  const bool names_files = option.kind == OptionKind::path || option.kind == OptionKind::pair_files;
  return is_written(option) && !names_files && option.name != "seed";
}

const OptionSpec& require_varied_option(const std::string& name) {
  const OptionSpec* option = find_option(name);
  if (option != nullptr && can_be_varied(*option)) return *option;
  if (name == "seed") throw ConfigError("--vary seed: seeds are varied by --seeds N, from --seed on");
  if (option != nullptr) throw ConfigError(fmt::format("--vary {}: this option cannot be varied", name));
  std::vector<std::string_view> names;
  for (const OptionSpec& known : option_table()) {
    if (can_be_varied(known)) names.push_back(known.name);
  }
  throw ConfigError(fmt::format("--vary {}: there is no such option{}", name, did_you_mean(name, names)));
}

// At commas, but not at those within parentheses: "window(3, 1),causal".
std::vector<std::string> values_of(const std::string& list) {
  std::vector<std::string> values(1);
  int depth = 0;
  for (const char c : list) {
    depth += (c == '(') - (c == ')');
    if (c == ',' && depth <= 0) {
      values.emplace_back();
    } else {
      values.back() += c;
    }
  }
  return values;
}

}  // namespace

Variation parse_variation(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) throw ConfigError(fmt::format("--vary {}: expected name=value,value…", text));
  const std::string name = text.substr(0, equals);
  Variation variation{&require_varied_option(name), {}};
  for (const std::string& typed : values_of(text.substr(equals + 1))) {
    std::string value;
    try {
      value = canonical_value(*variation.option, typed);
    } catch (const ConfigError& error) {
      throw ConfigError(fmt::format("--vary {}: {}", name, error.what()));
    }
    if (std::ranges::find(variation.values, value) != variation.values.end()) {
      throw ConfigError(fmt::format("--vary {}: {} stands there twice", name, value));
    }
    variation.values.push_back(std::move(value));
  }
  return variation;
}

std::string Cell::name(std::span<const Variation> variations, char separator) const {
  std::string text;
  for (std::size_t i = 0; i < variations.size(); ++i) {
    if (i > 0) text += separator;
    text += fmt::format("{}={}", variations[i].option->name, values[i]);
  }
  return text.empty() ? "base" : text;
}

Settings Cell::settings(const Settings& base, std::span<const Variation> variations) const {
  Settings settings = base;
  for (std::size_t i = 0; i < variations.size(); ++i) {
    const OptionSpec& option = *variations[i].option;
    settings.set(option, values[i], Origin::variation, fmt::format("--vary {}", option.name));
  }
  return settings;
}

std::int64_t grid_size(std::span<const Variation> variations, std::int64_t most) {
  std::int64_t size = 1;
  for (const Variation& variation : variations) {
    if (size > most / std::ssize(variation.values)) return most;
    size *= std::ssize(variation.values);
  }
  return size;
}

std::vector<Cell> expand_grid(std::span<const Variation> variations) {
  std::vector<Cell> cells{{}};
  for (std::size_t i = 0; i < variations.size(); ++i) {
    const Variation& variation = variations[i];
    const auto same = [&](const Variation& other) { return other.option == variation.option; };
    if (std::ranges::any_of(variations.first(i), same)) {
      throw ConfigError(fmt::format("--vary {}: is varied twice", variation.option->name));
    }
    std::vector<Cell> finer;
    finer.reserve(cells.size() * variation.values.size());
    for (const Cell& cell : cells) {
      for (const std::string& value : variation.values) {
        finer.push_back(cell);
        finer.back().values.push_back(value);
      }
    }
    cells = std::move(finer);
  }
  return cells;
}

}  // namespace tapehead
