#pragma once

#include <cstdint>
#include <string>

#include "datasets/dataset.hpp"
#include "experiments/report/json.hpp"
#include "trainers/checkpoint/checkpoint.hpp"

namespace tapehead {

/// How much there is of something, and a fingerprint of it.
struct Fingerprint {
  std::int64_t count = 0;
  std::string digest;
  bool operator==(const Fingerprint&) const = default;
};

/// Which data a result was made with.
struct DataOrigin {
  std::string digest;                      ///< of everything, the training part included
  Fingerprint source_words, target_words;  ///< vocabularies
  Fingerprint validation, test;            ///< held-out sequences
  bool operator==(const DataOrigin&) const = default;
};

DataOrigin origin_of(const Dataset& dataset);

/// What a result depends on beside its configuration. Results are put beside each other, or a run is gone on with, only
/// where all of it is the same.
struct Provenance {
  CheckpointOrigin program;
  DataOrigin data;
  std::string initial_weights = {};  ///< fingerprint of the file of --init; empty: they were drawn
};

/// Of a run on these data that starts from the weights of `init` (empty: drawn), here and now. Throws FileError for a
/// file that cannot be read.
Provenance provenance_here(const DataOrigin& data, const std::string& init);

/// Everything in which two differ, in one line for people: "77 test sequences, now 5; BLAS kernel Haswell, now
/// SkylakeX"; empty if in nothing.
std::string difference(const Provenance& then, const Provenance& now);

Json to_json(const Provenance& provenance);
/// Throws Json::exception for what to_json does not write.
Provenance provenance_in(const Json& object);

}  // namespace tapehead
