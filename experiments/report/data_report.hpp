#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "datasets/dataset.hpp"
#include "experiments/report/json.hpp"

namespace tapehead {

/// Which data a command uses.
struct DataUse {
  bool training = false;
  bool validation = false;
  bool test = false;

  static DataUse all() { return {true, true, true}; }
  static DataUse only(Split split) { return {.validation = split == Split::validation, .test = split == Split::test}; }
};

/// What reading the data left out or noticed, a line each, for people: lines that are not pairs, columns that were not
/// read, pairs that stand in the training data too, words that cannot be learnt. Empty for made data.
std::vector<std::string> data_notices(const Dataset& dataset, DataUse use);

/// Writes each notice as a line. Every command that reads data does, before it shows what came of them.
void tell_of_data(const Dataset& dataset, DataUse use, std::ostream& err);

/// What belongs beside any result on a split, as names and values: how many of its pairs the model was trained on, and
/// how many lines were skipped, if any were. Empty for made data, which keep their splits apart.
std::vector<std::pair<std::string, std::string>> data_facts(const Dataset& dataset, Split split);

/// How many sequences of a split the model was trained on; nothing if that is not known.
std::optional<std::int64_t> seen_in_training(const Dataset& dataset, Split split);

/// The same for scripts: "skipped_lines", "seen_in_training" and "sources_seen_in_training" (null if that is not
/// known): pairs, and other pairs whose source was.
void add_data_facts(Json& object, const Dataset& dataset, Split split);

}  // namespace tapehead
