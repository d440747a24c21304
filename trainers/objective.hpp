#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "autograd/base/batch_view.hpp"
#include "autograd/forward.hpp"
#include "datasets/batch.hpp"
#include "datasets/dataset.hpp"
#include "layers/models/model.hpp"

namespace tapehead {

/// A tape for each worker.
template <Scalar T>
using Tapes = std::span<const std::unique_ptr<Tape<T>>>;

/// A loss of some examples, (1, 1, 1): their part of the mean over the whole batch (BatchView::counted_tokens or
/// batch_examples), so that what it gives for the shards of a batch adds up to the batch's loss. Called once a shard,
/// by several threads at once, each with a tape of its own that holds the parameters.
template <Scalar T>
using ShardLoss = std::function<Var<T>(Tape<T>& tape, const BatchView& shard, const Pass& pass)>;

/// What a training step minimises. The parameters may be anybody's: a Model's, or those of layers that somebody
/// declared in a ParameterLayout.
template <RealScalar T>
struct Objective {
  ShardLoss<T> loss;
  BatchLayout columns = BatchLayout::encoder_decoder;  ///< how examples are laid out for it
  /// Lengths of source and target, beside the longest, whose examples may need the most memory. The step shows them to
  /// its tapes before it starts; if none is missing, no step allocates anything.
  std::vector<std::pair<std::int64_t, std::int64_t>> loads = {};
};

/// How examples of some data are laid out for a model. Throws ConfigError, naming the column, if they lack one that it
/// reads.
BatchLayout batch_layout(const Model& model, const Dataset& dataset);

/// The loss that a model is trained by: cross-entropy with label smoothing. Refers to the model. Throws what
/// batch_layout() throws.
template <RealScalar T>
Objective<T> objective_of(const Model& model, const Dataset& dataset, double label_smoothing);

}  // namespace tapehead
