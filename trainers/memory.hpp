#pragma once

#include <cstdint>
#include <string>

#include "datasets/batch.hpp"
#include "layers/models/memory.hpp"
#include "trainers/step_options.hpp"

namespace tapehead {

class Model;

/// Bytes that training takes at its height, estimated before anything is allocated. Parameters, optimizer and the
/// gradients of shards are counted; the tapes are what the layers of the model keep for the backward pass, layer by
/// layer, and half as much again for adjoints and scratch; validations use the same tapes. Real use lies within a
/// factor of two (see the tests).
struct MemoryEstimate {
  double parameters = 0;  ///< values and gradients
  double optimizer = 0;
  double shards = 0;      ///< gradients of shards on their way into the sum
  double tapes = 0;       ///< of all workers, each at its largest shard
  double saving = 0;      ///< copies in memory while a checkpoint is written
  double tables = 0;      ///< of sinusoidal positions
  double evaluation = 0;  ///< tapes of all workers, each at its largest batch, as far as the step's are smaller

  double total() const { return parameters + optimizer + shards + tapes + saving + tables + evaluation; }
};

/// The columns of examples of such lengths, start and end not included.
SequenceLengths column_lengths(BatchLayout layout, const ExampleShape& longest);

/// Numbers that a pass keeps for the way back, over the whole model; at most these without one.
PassValues pass_values(const Model& model, const SequenceLengths& longest);

/// For numbers of `scalar_bytes` bytes. REQUIRES: a configuration that makes a model, and a step with batch and shards.
MemoryEstimate estimate_memory(const Model& model, const StepOptions& step, const SequenceLengths& longest, int threads,
                               std::int64_t scalar_bytes);

/// Bytes of the tapes that evaluating so many sequences takes, the longest as given, in batches like the shards of a
/// step over examples of such lengths: see evaluation_like().
double estimate_evaluation(const Model& model, const StepOptions& step, const SequenceLengths& longest,
                           std::int64_t sequences, int threads, std::int64_t scalar_bytes);

/// Throws ConfigError, with both figures and what to change, if less is available (autograd/base/limits.hpp) than
/// the estimate. `what` takes it.
void require_memory(const MemoryEstimate& estimate, double available, const char* what = "training");

/// "24.0 GiB".
std::string bytes_text(double bytes);

}  // namespace tapehead
