#pragma once

#include <map>
#include <string>

#include "layers/stacks.hpp"

namespace tapehead {

/// How much weight each attention of a stack gives to the first key, on average over heads, queries and examples.
inline std::map<std::string, double> weight_of_first_key(const Encoder& stack, Var<double> x, const Mask& mask) {
  std::map<std::string, double> means;
  const ProbeAt probe({What::weights}, [&](const Site& site, Var<double> weights) {  // (K, Q, H·B)
    const auto [keys, queries, heads] = weights.shape();
    for (std::int64_t n = 0; n < queries * heads; ++n) {
      means[site.layer] += weights.data()[n * keys] / static_cast<double>(queries * heads);
    }
  });
  stack(x, mask, {.probe = &probe});
  return means;
}

}  // namespace tapehead
