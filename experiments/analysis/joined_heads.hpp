#pragma once

#include <cstdint>
#include <vector>

#include "trainers/tensor_file.hpp"

namespace tapehead {

/// Heads as files have them, (B, H, T, D) row by row, as a value has them, (H·D, T, B) column by column.
template <class T>
std::vector<T> heads_together(const Tensor& tensor) {
  const std::int64_t examples = tensor.shape[0], heads = tensor.shape[1], places = tensor.shape[2],
                     width = tensor.shape[3];
  std::vector<T> together;
  together.reserve(tensor.values.size());
  for (std::int64_t b = 0; b < examples; ++b) {
    for (std::int64_t t = 0; t < places; ++t) {
      for (std::int64_t h = 0; h < heads; ++h) {
        const auto first = tensor.values.begin() + width * (t + places * (h + heads * b));
        together.insert(together.end(), first, first + width);
      }
    }
  }
  return together;
}

/// The way back: `shape` is (B, H, T, D).
template <class T>
Tensor heads_apart(const T* together, const std::vector<std::int64_t>& shape) {
  Tensor apart{shape, {}};
  for (std::int64_t b = 0; b < shape[0]; ++b) {
    for (std::int64_t h = 0; h < shape[1]; ++h) {
      for (std::int64_t t = 0; t < shape[2]; ++t) {
        const T* first = together + shape[3] * (h + shape[1] * (t + shape[2] * b));
        for (std::int64_t d = 0; d < shape[3]; ++d) apart.values.push_back(static_cast<double>(first[d]));
      }
    }
  }
  return apart;
}

}  // namespace tapehead
