#pragma once

#include <string>
#include <vector>

#include "autograd/masks/causal.hpp"
#include "autograd/masks/lengths.hpp"
#include "autograd/masks/window.hpp"

namespace tapehead::testing_support {

/// A mask of one term, and what it allows of example 1, head 0: a line for each of five queries, `#` for each of six
/// keys that may be attended.
struct MaskSample {
  std::string name;
  Mask mask;
  std::vector<std::string> picture;
};

inline constexpr std::int32_t kMaskLengths[] = {6, 4, 0};

/// Every term that there is.
inline std::vector<MaskSample> mask_samples() {
  return {
      {"everything", Mask::everything(), {"######", "######", "######", "######", "######"}},
      {"causal", Causal{}, {"#.....", "##....", "###...", "####..", "#####."}},
      {"causal_at_the_lower_corner", Causal{.offset = 1}, {"##....", "###...", "####..", "#####.", "######"}},
      {"causal_with_nothing_at_first", Causal{.offset = -2}, {"......", "......", "#.....", "##....", "###..."}},
      {"lengths", Lengths{kMaskLengths}, {"####..", "####..", "####..", "####..", "####.."}},
      {"window", Window{.left = 2, .right = 1}, {"##....", "###...", "####..", ".####.", "..####"}},
      {"window_back", Window{.left = 1}, {"#.....", "##....", ".##...", "..##..", "...##."}},
      {"window_past_the_end", Window{.left = 1, .offset = 4}, {"...##.", "....##", ".....#", "......", "......"}},
  };
}

}  // namespace tapehead::testing_support
