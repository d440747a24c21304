#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "autograd/base/options.hpp"
#include "autograd/base/random.hpp"
#include "datasets/example.hpp"
#include "datasets/slice.hpp"
#include "datasets/vocabularies/vocabulary.hpp"

namespace tapehead {

struct MadeOptions;

/// The random numbers of one example, drawn one after the other: a function of the stream's key, the example and the
/// attempt.
class ExampleStream {
 public:
  /// With the level drawn from [0, levels), all alike.
  ExampleStream(const RandomStream& random, std::uint32_t example, std::uint32_t attempt, std::int64_t levels);
  /// With that level.
  static ExampleStream at_level(const RandomStream& random, std::uint32_t example, std::uint32_t attempt,
                                std::int64_t level);

  /// Which of the task's levels the example is of.
  std::int64_t level() const { return level_; }

  /// The next number, uniform in [0, bound). REQUIRES: bound > 0.
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(bound), example_, attempt_, next_++));
  }
  /// The next number, uniform in [0, 1).
  double uniform() { return random_.uniform(example_, attempt_, next_++); }
  /// The next number, standard normal.
  double normal() { return random_.normal(example_, attempt_, next_++); }

 private:
  ExampleStream(const RandomStream& random, std::uint32_t example, std::uint32_t attempt)
      : random_(random), example_(example), attempt_(attempt) {}

  const RandomStream& random_;
  std::uint32_t example_, attempt_;
  std::uint32_t next_ = 1;  // coordinate 0 is for the level
  std::int64_t level_ = 0;
};

/// How many examples there are, and of which kind, for people: "3 symbols and lengths 1 to 4".
struct ExampleSpace {
  double size = 0;
  std::string text = {};
};

/// A made task as data: `TaskSpec task_NAME()` in datasets/tasks/NAME.cpp. Splits, held-out sets, the digest, `tapehead
/// list`, the choices of --task and the tests follow from it: see MadeDataset.
///
/// Examples come in levels, of length or of difficulty: training draws them all alike, and held-out sets have the same
/// number of each. An example belongs to its split by its source, or by all that it has where it has no source.
struct TaskSpec {
  std::string name = {};
  std::string description = {};  ///< what it makes of a source, for people

  /// Options of its own beside those of MadeOptions, each with a name, a kind (whole number, number, word or flag), a
  /// default (fallback), a range or choices, and a help. `options.own.integer("NAME")` has the value, as do real, text
  /// and flag. They apply to this task alone.
  std::vector<OptionSpec> options = {};
  /// Throws ConfigError for options that make no such task.
  void (*check)(const MadeOptions& options) = nullptr;
  Vocabulary (*vocabulary)(const MadeOptions& options) = nullptr;
  Vocabulary (*target_vocabulary)(const MadeOptions& options) = nullptr;  ///< nullptr: targets have the same words
  /// What examples have, and the longest.
  ExampleShape (*shape)(const MadeOptions& options) = nullptr;
  std::int64_t (*levels)(const MadeOptions& options) = nullptr;
  /// The different examples of levels first to last.
  ExampleSpace (*space)(const MadeOptions& options, std::int64_t first, std::int64_t last) = nullptr;

  /// Writes one example: a function of the stream and the options. Allocates nothing.
  void (*make)(ExampleStream& stream, const MadeOptions& options, ExampleWriter& out) = nullptr;

  /// What the example must be, found in another way than `make` finds it, as plainly as possible: only tests use it. It
  /// is given what a model is given, the target left out (of a task that marks what counts: those tokens kUnknown), and
  /// returns target and label.
  SequencePair (*reference)(const SequencePair& given, const MadeOptions& options) = nullptr;

  std::string headline = "exact_match";  ///< the result that says most of how well a model does it
  std::vector<Slice> slices = {};
};

/// Every made task. Generated from the list of tasks: one without a spec does not link.
const std::vector<TaskSpec>& task_specs();

/// Throws ConfigError, with the names that there are, for another name.
const TaskSpec& find_task(const std::string& name);

}  // namespace tapehead
