#pragma once

#include <array>
#include <string>
#include <vector>

#include "autograd/masks/blocks.hpp"
#include "autograd/masks/causal.hpp"
#include "autograd/masks/dilated.hpp"
#include "autograd/masks/documents.hpp"
#include "autograd/masks/explicit.hpp"
#include "autograd/masks/lengths.hpp"
#include "autograd/masks/prefix.hpp"
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

inline constexpr std::int32_t kMaskDocuments[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 0, 1, 2, 3, 4, 5};

/// (K, Q, B): every pair, then what the picture shows, then a board.
inline constexpr std::array<std::uint8_t, 6 * 6 * 3> kMaskTable = [] {
  std::array<std::uint8_t, 6 * 6 * 3> table{};
  const char* const shown[] = {"#..#..", ".##...", "......", ".....#", "######", "#....#"};
  for (std::size_t q = 0; q < 6; ++q) {
    for (std::size_t k = 0; k < 6; ++k) {
      table[k + 6 * q] = 1;
      table[k + 6 * (q + 6)] = shown[q][k] == '#';
      table[k + 6 * (q + 12)] = (k + q) % 2 == 0;
    }
  }
  return table;
}();

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
      {"prefix", Prefix{2}, {"##....", "##....", "##....", "##....", "##...."}},
      {"dilated", Dilated{.step = 3}, {"#..#..", ".#..#.", "..#..#", "#..#..", ".#..#."}},
      {"dilated_by_an_odd_offset", Dilated{.step = 2, .offset = 1}, {".#.#.#", "#.#.#.", ".#.#.#", "#.#.#.", ".#.#.#"}},
      {"documents", Documents{kMaskDocuments}, {"##....", "##....", "..###.", "..###.", "..###."}},
      {"blocks", Blocks{.size = 2}, {"##....", "##....", "..##..", "..##..", "....##"}},
      {"blocks_and_one_before",
       Blocks{.size = 2, .before = 1, .offset = 1},
       {"##....", "####..", "####..", "..####", "..####"}},
      {"explicit",
       Explicit{.allowed = kMaskTable.data(), .queries = 6, .per_example = true},
       {"#..#..", ".##...", "......", ".....#", "######"}},
      {"window_past_the_end", Window{.left = 1, .offset = 4}, {"...##.", "....##", ".....#", "......", "......"}},
  };
}

}  // namespace tapehead::testing_support
