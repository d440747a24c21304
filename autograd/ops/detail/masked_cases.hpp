#pragma once

#include <string>

#include "autograd/masks/mask.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

/// What a spec calls with: scores, a mask and the number of heads.
struct MaskedCall {
  Mask mask;
  std::int64_t heads = 1;
};

/// Lengths 4, 0, 3, 6, 2, 5, 1 and so on of many examples, for masks in specs.
const std::int32_t* ragged_lengths();

/// Samples of every kind for an op of scores under a mask: with(call) is the callable for them.
template <class With>
std::vector<OpCase> masked_cases(With with, double low = -2, double high = 2);

/// The calls that such an op refuses.
template <class With>
std::vector<OpRefusal> masked_refusals(const std::string& op, With with) {
  return {{"heads", {{2, 2, 5}}, with(MaskedCall{{}, 2}), op + ": 2 heads do not divide the 5 slices of (2, 2, 5)"},
          {"no_heads", {{4, 2}}, with(MaskedCall{{}, 0}), op + ": heads must be at least 1, not 0"}};
}

/// What masked_cases() draws from.
struct MaskedSample {
  const char* label;
  Shape shape;
  MaskedCall call;
};
std::vector<MaskedSample> masked_samples();

template <class With>
std::vector<OpCase> masked_cases(With with, double low, double high) {
  std::vector<OpCase> cases;
  for (const MaskedSample& sample : masked_samples()) {
    cases.push_back({sample.label, {{sample.shape, low, high}}, with(sample.call)});
  }
  return cases;
}

}  // namespace tapehead
