#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "autograd/shards.hpp"
#include "datasets/dataset.hpp"
#include "layers/models/model.hpp"
#include "trainers/memory.hpp"

namespace tapehead {

/// Numbers that a pass without gradients over one batch may keep: as many as the model has parameters, and no fewer
/// than 4 Mi (16 MiB of floats), which is enough for a small model to be fast. It follows from the model alone, so that
/// nothing that is evaluated depends on how a model is trained, or by how many threads.
double batch_budget(const Model& model);

/// Cuts examples, in their order, into batches: each takes as many as keep within `budget` numbers (see pass_values)
/// when all are padded to the longest of them, and no more than `most`. An example that exceeds the budget alone has a
/// batch of its own.
std::vector<ExampleRange> cut_batches(const Model& model, std::span<const SequenceLengths> examples, double budget,
                                      std::int64_t most = std::numeric_limits<std::int64_t>::max());

/// Examples of some data as a batch with no more room than they take.
Batch batch_of(std::span<const SequencePair> pairs, const Dataset& dataset, BatchLayout layout);

}  // namespace tapehead
