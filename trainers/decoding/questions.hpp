#pragma once

#include <span>
#include <vector>

#include "datasets/example.hpp"
#include "layers/models/decoding_state.hpp"

namespace tapehead {

/// What examples ask, in memory of its own: their sources and, of data that have some, their features.
class Questions {
 public:
  /// `channels` of the features; 0: there are none.
  Questions(std::span<const SequencePair> examples, std::int64_t channels);

  /// As long as this lives and is not moved.
  Sources sources() const;

 private:
  std::int64_t channels_, stride_ = 0;
  std::vector<std::vector<std::int32_t>> texts_;
  std::vector<float> features_;
  std::vector<std::int32_t> lengths_;
};

}  // namespace tapehead
