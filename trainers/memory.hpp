#pragma once

#include <cstdint>
#include <string>

#include "layers/models/model.hpp"
#include "trainers/step.hpp"

namespace tapehead {

/// Bytes that training takes at its height, estimated before anything is allocated. Parameters, optimizer and the
/// gradients of shards are counted; the tapes are what the layers of the model keep for the backward pass, layer by
/// layer, and half as much again for adjoints and scratch. Real use lies within a factor of two (see the tests).
struct MemoryEstimate {
  double parameters = 0;  ///< values and gradients
  double optimizer = 0;
  double shards = 0;  ///< gradients of shards on their way into the sum
  double tapes = 0;   ///< of all workers, each at its largest shard
  double saving = 0;  ///< copies in memory while a checkpoint is written

  double total() const { return parameters + optimizer + shards + tapes + saving; }
};

/// Lengths of the longest columns, start and end included.
struct SequenceLengths {
  std::int64_t source = 0;  ///< 0: no encoder
  std::int64_t target = 0;
};

/// For numbers of `scalar_bytes` bytes. REQUIRES: a configuration that makes a model, and a step with batch and shards.
MemoryEstimate estimate_memory(const Model& model, const StepOptions& step, const SequenceLengths& longest, int threads,
                               std::int64_t scalar_bytes);

/// Throws ConfigError, with both figures and what to change, if less is available (autograd/base/limits.hpp) than
/// the estimate.
void require_memory(const MemoryEstimate& estimate, double available);

/// "24.0 GiB".
std::string bytes_text(double bytes);

}  // namespace tapehead
