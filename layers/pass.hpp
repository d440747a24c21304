#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "autograd/base/random.hpp"

namespace tapehead {

/// The weights that one attention layer gave, before dropout.
struct AttentionMap {
  const std::string& layer;  ///< path, such as `decoder.layers.0.cross_attention`
  std::int64_t heads, keys, queries, slices;
  std::function<double(std::int64_t head, std::int64_t query, std::int64_t key, std::int64_t slice)> weight;
};

/// Told of every attention layer as it runs; for drawing maps, not for training.
using AttentionObserver = std::function<void(const AttentionMap&)>;

/// What changes from one call of a model to the next.
struct Pass {
  bool training = false;           ///< dropout only when training
  std::uint64_t seed = 0;          ///< with step, the key of dropout's random numbers
  std::uint64_t step = 0;
  std::int64_t first_example = 0;  ///< number of slice 0 in its batch: a shard drops what the whole batch would
  const AttentionObserver* observer = nullptr;

  RandomStream dropout_stream(std::uint32_t site) const { return {seed, Purpose::dropout, step, site}; }
};

}  // namespace tapehead
