#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "experiments/options/options.hpp"

namespace tapehead {

/// Where a value came from; a later one wins over an earlier one. `saved` is the whole configuration of an earlier run,
/// and `variation` what an ablation varies.
enum class Origin { fallback, preset, saved, file, command_line, variation };

/// A value for every option of the table. Values are checked as they are set, so that whoever reads one can rely on it.
class Settings {
 public:
  /// Every option at its default.
  Settings();

  /// Sets an option unless it has a value of stronger origin. A repeatable option gathers its values. Throws
  /// ConfigError; `where` begins the message: "--heads" or "my.cfg:3: heads".
  void set(const OptionSpec& option, std::string_view value, Origin origin, std::string_view where);
  /// From the command line, by name.
  void set(std::string_view name, std::string_view value);

  /// Sets what lines of `name = value` say. `#` at the beginning of a line or after a space begins a comment; a value
  /// may stand in double quotes, and a quote in it twice. Relative paths are relative to `folder`. `where` names the
  /// file in messages. Throws ConfigError for unknown names, for names that stand there twice and for options that make
  /// no part of a configuration; DataError for what LineReader does not take as lines.
  void read_config(std::string_view text, Origin origin, const std::string& where, const std::string& folder = {});
  /// The same from a file. The configuration of a run, config.cfg beside its metrics.csv, says everything: what does
  /// not apply too where an earlier version wrote it, and is `saved`. Throws FileError when it cannot be read.
  void read_config_file(const std::string& path);

  /// Replaces whatever value there is: for what follows from other options.
  void resolve(std::string_view name, std::string_view value);
  /// Replaces a 0, which stands for what follows from other options.
  void resolve_if_zero(std::string_view name, std::int64_t value);
  /// The same where it follows from one option, from which it then comes.
  void resolve_because_of(std::string_view name, std::string_view value, std::string_view cause);
  /// Back to the default.
  void drop(std::string_view name);
  /// Takes over a value with where it came from.
  void take(std::string_view name, const Settings& other) { at(name) = other.at(name); }

  /// Whether any option had a value of that origin, be it overruled by now.
  bool has_any(Origin origin) const;
  bool given(std::string_view name) const { return at(name).origin != Origin::fallback; }
  Origin origin(std::string_view name) const { return at(name).origin; }
  /// How a message about this value begins: "--heads" or "my.cfg:3: heads".
  const std::string& where(std::string_view name) const { return at(name).where; }

  const std::string& text(std::string_view name) const { return at(name).text; }
  /// The value as it would be without what comes from stronger origins than `origin`.
  const std::string& text_as_of(std::string_view name, Origin origin) const;
  bool flag(std::string_view name) const { return at(name).text == "yes"; }
  std::int64_t integer(std::string_view name) const { return integer_in(at(name).text); }
  double real(std::string_view name) const { return real_in(at(name).text); }
  /// The values of a repeatable option.
  std::vector<std::string> list(std::string_view name) const;

  /// Every option that makes the run, as `name = value` lines that read_config understands.
  std::string config_text() const;

 private:
  struct Setting {
    std::string text;
    Origin origin = Origin::fallback;
    std::string where;
    std::array<std::optional<std::string>, static_cast<std::size_t>(Origin::variation) + 1> by_origin = {};
  };

  const Setting& at(std::string_view name) const { return settings_[option_index(name)]; }
  Setting& at(std::string_view name) { return settings_[option_index(name)]; }

  std::vector<Setting> settings_;  // in the order of the table
};

}  // namespace tapehead
