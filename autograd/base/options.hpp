#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

// What a config struct says of its members, so that people can set them: see CONTRIBUTING.md, "A new option". The
// program makes its table, help, config.cfg, refusals and ablation axes from this alone.

namespace tapehead {

enum class OptionKind {
  flag,        ///< on or off: "yes" or "no" in a configuration; on a command line it is given, or not
  integer,     ///< a whole number within the range
  real,        ///< a finite number within the range
  word,        ///< one of the choices
  formula,     ///< one of the choices, or a number: within the range, of which there need be none for positive ones
  path,        ///< a file or a folder
  pair_files,  ///< a text file, or two joined by a comma
  text,        ///< anything
};

/// Where help shows an option.
enum class OptionGroup {
  data,
  model,
  training,
  command,  ///< of single commands; never in a configuration
};

/// What a number may be. Both ends belong to it unless they are open.
struct NumberRange {
  double low = 0;
  double high = 0;
  bool open_low = false;
  bool open_high = false;

  static constexpr NumberRange positive() { return {.low = 0, .high = 1e9, .open_low = true}; }
  static constexpr NumberRange share() { return {.low = 0, .high = 1, .open_high = true}; }
  static constexpr NumberRange steps() { return {.low = 0, .high = 1e12}; }
};

/// A test of the value of another option. An option that does not apply itself counts as off, and as none of any words.
struct Condition {
  enum class Test {
    on,       ///< it has a value, and that is none of 0, `no` and `none`
    off,      ///< the opposite
    one_of,   ///< its value is one of the words
    none_of,  ///< it is not
  };
  std::string_view option = {};  ///< empty: there is no condition
  Test test = Test::on;
  std::string_view words = {};  ///< separated by one space

  constexpr bool exists() const { return !option.empty(); }
  /// Whether it holds where the option has this value; one that does not apply has none.
  bool holds_for(std::string_view value) const;
};

/// Conditions as descriptions write them.
constexpr Condition on(std::string_view option) { return {option, Condition::Test::on, {}}; }
constexpr Condition off(std::string_view option) { return {option, Condition::Test::off, {}}; }
constexpr Condition one_of(std::string_view option, std::string_view words) {
  return {option, Condition::Test::one_of, words};
}
constexpr Condition none_of(std::string_view option, std::string_view words) {
  return {option, Condition::Test::none_of, words};
}

/// Some conditions, of which one must hold; those that do not exist say nothing.
using Conditions = std::array<Condition, 3>;

/// What some values of an option cannot do without.
struct ValueNeed {
  std::string_view values = {};  ///< separated by one space
  Condition needs = {};
  std::string_view why = {};  ///< goes on from "…, because "; empty where it is plain
};

/// Everything the program knows about an option. Help reads "HELP, in UNIT; WHEN; 0: ZERO".
struct OptionSpec {
  std::string_view name;
  OptionKind kind = OptionKind::text;  ///< of a Field it follows from the member, but for path, pair_files and formula
  std::string fallback = {};           ///< the default, as people write it; of a Field it is what the struct has
  std::string choices = {};            ///< words separated by one space
  /// Of a text or a path: throws ConfigError for one that is no value, which says what is wrong with it and names no
  /// option.
  void (*check)(std::string_view text) = nullptr;
  NumberRange range = {};
  std::string_view help = {};         ///< what it does
  std::string_view unit = {};         ///< where `help` does not say it
  std::string_view when = {};         ///< when to change it
  std::string_view zero = {};         ///< what 0 stands for, where that is no plain number
  std::string_view placeholder = {};  ///< what stands for the value in help; empty: by kind
  bool common = false;                ///< stands in the short help
  bool repeatable = false;
  bool zero_is_automatic = false;      ///< 0 is the default, and a number that follows from other options or the data
  bool may_change_on_resume = false;   ///< unless
  Condition fixed_by = {};             ///< this holds
  bool gives_weights_meaning = false;  ///< weights of the same shapes compute something else under another value
  bool execution = false;              ///< how a run is carried out, not what it computes: never in config.cfg
  /// The option does something if one of these holds, or if there are none. What does nothing is refused.
  Conditions applies_when = {};
  std::vector<ValueNeed> needs = {};
  std::string_view after = {};               ///< the option that it stands behind; empty: the one before it in its list
  OptionGroup group = OptionGroup::command;  ///< set where lists are joined, unless it is one of the others here

  /// A name alone stands for an option that is described elsewhere.
  bool is_described() const { return !help.empty(); }
};

/// Whether `word` is one of `words`, which are separated by one space.
bool is_among(std::string_view words, std::string_view word);

/// Checks a value and brings it into its canonical form ("1e-3" → "0.001"). Throws ConfigError with a message such as
/// `"abc" is not a whole number`, which names neither the option nor where the value came from.
std::string canonical_value(const OptionSpec& option, std::string_view text);

/// The same for a value of which nothing else is asked; the message begins with the option's name.
void check_value(const OptionSpec& option, std::string_view text);

/// The choices of a word or formula, for people: "adam, adamw".
std::string choices_for_people(const OptionSpec& option);

/// Numbers in their canonical form, and back. REQUIRES of the latter: a canonical value.
std::string canonical_text(std::int64_t number);
std::string canonical_text(double number);
std::int64_t integer_in(std::string_view text);
double real_in(std::string_view text);

/// Values of options by name, for those that a struct cannot know of beforehand: canonical texts.
class NamedValues {
 public:
  NamedValues() = default;
  NamedValues(std::initializer_list<std::pair<const std::string, std::string>> values) : values_(values) {}

  bool has(std::string_view name) const;
  void set(std::string_view name, std::string value);

  /// Throw ConfigError for a name that has no value.
  const std::string& text(std::string_view name) const;
  std::int64_t integer(std::string_view name) const { return integer_in(text(name)); }
  double real(std::string_view name) const { return real_in(text(name)); }
  bool flag(std::string_view name) const { return text(name) == "yes"; }

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

/// Gives `values` the default of each option that they lack. Throws ConfigError, "NAME: …", for a value that the option
/// does not allow.
void complete(NamedValues& values, const std::vector<OptionSpec>& options);

/// How a value gets into a struct, and out of it: a member, or two functions where the member is no plain value.
template <class Config>
class Member {
 public:
  template <class Value>
  Member(Value Config::*member) : way_(member) {}
  Member(std::function<void(Config&, const std::string& text)> write, std::function<std::string(const Config&)> as_text)
      : way_(Functions{std::move(write), std::move(as_text)}) {}
  /// One of several values that go by a name. Its option says kind and default.
  Member(NamedValues Config::*values, std::string name) : way_(Named{values, std::move(name)}) {}

  // Not inlined: of a small struct g++ 12 else warns of the kinds of members that it has not got.
  [[gnu::noinline]] void set(Config& config, const std::string& text) const {
    std::visit([&](const auto& way) { assign(config, way, text); }, way_);
  }
  [[gnu::noinline]] std::string text(const Config& config) const {
    return std::visit([&](const auto& way) { return read(config, way); }, way_);
  }
  /// What such a member holds. Strings and functions are what the option says, or words where it has choices.
  OptionKind kind(const OptionSpec& option) const {
    if (std::holds_alternative<Named>(way_)) return option.kind;
    if (std::holds_alternative<double Config::*>(way_)) return OptionKind::real;
    const bool words = std::holds_alternative<std::string Config::*>(way_) || std::holds_alternative<Functions>(way_);
    if (!words) return OptionKind::integer;
    if (option.kind != OptionKind::text) return option.kind;
    return option.choices.empty() ? OptionKind::text : OptionKind::word;
  }

 private:
  struct Functions {
    std::function<void(Config&, const std::string& text)> set;
    std::function<std::string(const Config&)> text;
  };
  struct Named {
    NamedValues Config::*values;
    std::string name;
  };
  using Way = std::variant<std::string Config::*, double Config::*, std::int64_t Config::*, std::uint64_t Config::*,
                           int Config::*, Functions, Named>;

  static void assign(Config& config, std::string Config::*member, const std::string& text) { config.*member = text; }
  static void assign(Config& config, double Config::*member, const std::string& text) {
    config.*member = real_in(text);
  }
  template <class Integer>
  static void assign(Config& config, Integer Config::*member, const std::string& text) {
    config.*member = static_cast<Integer>(integer_in(text));
  }
  static void assign(Config& config, const Functions& functions, const std::string& text) {
    functions.set(config, text);
  }
  static void assign(Config& config, const Named& named, const std::string& text) {
    (config.*named.values).set(named.name, text);
  }
  static std::string read(const Config& config, std::string Config::*member) { return config.*member; }
  static std::string read(const Config& config, double Config::*member) { return canonical_text(config.*member); }
  template <class Integer>
  static std::string read(const Config& config, Integer Config::*member) {
    return canonical_text(static_cast<std::int64_t>(config.*member));
  }
  static std::string read(const Config& config, const Functions& functions) { return functions.text(config); }
  static std::string read(const Config& config, const Named& named) {
    return (config.*named.values).has(named.name) ? (config.*named.values).text(named.name) : std::string();
  }

  Way way_;
};

/// One member of a struct with what people are told of it.
template <class Config>
struct Field {
  Field(Member<Config> which, OptionSpec spec) : member(which), option(std::move(spec)) {
    option.kind = member.kind(option);
    if (option.zero_is_automatic) option.fallback = "0";
    if (option.kind == OptionKind::flag) option.fallback = "no";
    if (option.fallback.empty()) option.fallback = member.text(Config{});
  }
  /// A member that takes its value from an option which another struct describes.
  Field(Member<Config> which, std::string_view name) : member(which), option{.name = name}, borrowed(true) {}

  Member<Config> member;
  OptionSpec option;
  bool borrowed = false;
};

/// The members of a struct that people may set, in the order of help. A struct hands them out by
/// `static Fields<Config> fields()`.
template <class Config>
using Fields = std::vector<Field<Config>>;

/// The options that a struct describes.
template <class Config>
std::vector<OptionSpec> options_of() {
  std::vector<OptionSpec> options;
  for (const Field<Config>& field : Config::fields()) {
    if (!field.borrowed) options.push_back(field.option);
  }
  return options;
}

/// A struct whose members have the values of that name, and their defaults where there are none.
template <class Config>
Config config_of(const NamedValues& values) {
  Config config;
  for (const Field<Config>& field : Config::fields()) {
    if (values.has(field.option.name)) field.member.set(config, values.text(field.option.name));
  }
  return config;
}

/// The fields of a struct that is a member of another, as fields of the other.
template <class Outer, class Inner>
Fields<Outer> nested(Inner Outer::*inner) {
  Fields<Outer> fields;
  for (const Field<Inner>& field : Inner::fields()) {
    const Member<Outer> member(
        [inner, at = field.member](Outer& config, const std::string& text) { at.set(config.*inner, text); },
        [inner, at = field.member](const Outer& config) { return at.text(config.*inner); });
    fields.push_back({member, field.option});
  }
  return fields;
}

/// Throws ConfigError, "NAME: …", for the first member that holds what its description does not allow.
template <class Config>
void check_fields(const Config& config) {
  for (const Field<Config>& field : Config::fields()) {
    if (!field.borrowed) check_value(field.option, field.member.text(config));
  }
}

}  // namespace tapehead
