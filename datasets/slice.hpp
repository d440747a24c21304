#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "datasets/example.hpp"

namespace tapehead {

/// A way to divide the examples of a split, so that what a model does can be told apart by it: accuracy by length, by
/// distance, by difficulty.
struct Slice {
  std::string name;                                     ///< what the numbers are: "length"
  std::function<std::int64_t(const SequencePair&)> of;  ///< where an example belongs
};

}  // namespace tapehead
