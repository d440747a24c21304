#include "autograd/ops/detail/masked_cases.hpp"

#include <array>

#include "autograd/masks/causal.hpp"
#include "autograd/masks/lengths.hpp"
#include "autograd/masks/window.hpp"

namespace tapehead {

const std::int32_t* ragged_lengths() {
  static constexpr auto kRagged = [] {
    std::array<std::int32_t, 512> lengths{};
    for (std::size_t b = 0; b < lengths.size(); ++b) lengths[b] = static_cast<std::int32_t>((4 + 3 * b) % 7);
    return lengths;
  }();
  return kRagged.data();
}

std::vector<MaskedSample> masked_samples() {
  const Mask ragged = Lengths{ragged_lengths()};
  return {
      {"everything", {4, 3, 2}, {{}, 1}},
      {"causal", {4, 5}, {Causal{}, 1}},
      {"ragged_H2_B3", {4, 3, 6}, {ragged, 2}},
      {"in_pieces", {5, 5, 3}, {Window{} | ragged, 1}},
      {"window_K67", {67, 3}, {Window{.left = 1, .right = 40}, 1}},
      {"Q67", {3, 67}, {Causal{.offset = -20}, 1}},
      {"H67", {3, 2, 67}, {Causal{}, 67}},
  };
}

}  // namespace tapehead
