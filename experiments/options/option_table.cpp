#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "autograd/base/errors.hpp"
#include "experiments/options/options.hpp"
#include "experiments/options/run_config.hpp"
#include "experiments/program/command.hpp"

namespace tapehead {
namespace {

// What several commands take.
std::vector<OptionSpec> shared_options() {
  return {
      {.name = "config",
       .kind = OptionKind::path,
       .help = "file of `name = value` lines, instead of a preset",
       .common = true},
      {.name = "out",
       .kind = OptionKind::path,
       .help = "folder that the results go to",
       .placeholder = "DIR",
       .common = true},
      {.name = "split",
       .kind = OptionKind::word,
       .fallback = "test",
       .choices = "test validation",
       .help = "held-out sequences that are used",
       .when = "validation to choose by, test for the figures in the end",
       .common = true},
      {.name = "color",
       .kind = OptionKind::word,
       .fallback = "auto",
       .choices = "auto always never",
       .help = "how maps are drawn",
       .when = "auto: in colour on a terminal",
       .common = true,
       .applies_when = {off("json")}},
      {.name = "svg",
       .kind = OptionKind::path,
       .check = [](std::string_view path) { require_ending(path, ".svg"); },
       .help = "file for the maps, as a picture",
       .when = "browsers and texts take it",
       .placeholder = "FILE.svg",
       .common = true},
      {.name = "json", .kind = OptionKind::flag, .help = "print the results as one JSON object", .common = true},
      {.name = "help", .kind = OptionKind::flag, .help = "this text; --help all shows every option", .common = true},
  };
}

// Joins lists: an option stands behind the one that it names, or else behind the one before it in its list.
class Joined {
 public:
  void add(const std::vector<OptionSpec>& list) {
    for (const OptionSpec& option : list) {
      if (&option == list.data() || !option.after.empty()) waiting_.emplace_back();
      waiting_.back().push_back(option);
    }
  }

  std::vector<OptionSpec> table() {
    while (!waiting_.empty()) {
      if (std::erase_if(waiting_, [this](const auto& stretch) { return placed(stretch); }) > 0) continue;
      throw std::logic_error("no option stands behind " + std::string(waiting_.front().front().after));
    }
    return std::move(table_);
  }

 private:
  bool placed(const std::vector<OptionSpec>& stretch) {
    auto at = table_.end();
    if (const std::string_view after = stretch.front().after; !after.empty()) {
      at = std::ranges::find(table_, after, &OptionSpec::name);
      if (at == table_.end()) return false;
      ++at;
    }
    table_.insert(at, stretch.begin(), stretch.end());
    return true;
  }

  std::vector<std::vector<OptionSpec>> waiting_;  // neighbours in the table
  std::vector<OptionSpec> table_;
};

template <class Part>
std::vector<OptionSpec> options_of(const Part&, OptionGroup group) {
  std::vector<OptionSpec> list = tapehead::options_of<Part>();
  for (OptionSpec& option : list) {
    if (option.group == OptionGroup::command) option.group = group;
  }
  return list;
}

std::vector<OptionSpec> make_table() {
  Joined joined;
  RunConfig config;
  for_each_part(config, [&](const auto& part, OptionGroup group) { joined.add(options_of(part, group)); });
  for (const Command& command : commands()) {
    std::vector<OptionSpec> own;
    std::ranges::copy_if(command.options, std::back_inserter(own), &OptionSpec::is_described);
    joined.add(own);
  }
  joined.add(shared_options());
  return joined.table();
}

}  // namespace

std::span<const OptionSpec> option_table() {
  static const std::vector<OptionSpec> table = make_table();
  return table;
}

const OptionSpec* find_option(std::string_view name) {
  const auto options = option_table();
  const auto found = std::ranges::find(options, name, &OptionSpec::name);
  return found == options.end() ? nullptr : &*found;
}

std::size_t option_index(std::string_view name) {
  const OptionSpec* option = find_option(name);
  if (option == nullptr) throw std::logic_error("no option is called " + std::string(name));
  return static_cast<std::size_t>(option - option_table().data());
}

bool is_run_option(const OptionSpec& option) { return option.group != OptionGroup::command; }

void require_ending(std::string_view path, std::string_view ending) {
  if (path.empty() || path.ends_with(ending)) return;
  throw ConfigError(fmt::format("{0} does not end in {1}; name a file that does, such as {0}{1}", path, ending));
}

bool is_written(const OptionSpec& option) { return is_run_option(option) && !option.execution; }

}  // namespace tapehead
