#pragma once

#include <algorithm>
#include <cstdint>

#include "autograd/tape.hpp"

namespace tapehead {

/// Sums what the points of a batch add to a gradient that they share: of a bias, a gain, a table. A number that has
/// grown large swallows what is added to it (float stops at 2²⁴ ones), so many points are summed in blocks of a
/// thousand or more, and the blocks in order. Few points are added one after another, straight into the gradient.
///
///     PointSum<T> sum(pull, d_bias.data, rows, points);
///     for (n …) for (i …) sum.at(n)[i] += …;   // points in order, at(n) once each
///     sum.finish();
template <Scalar T>
class PointSum {
 public:
  /// `to` (size) holds zeros or what it is added to; nullptr: nothing is summed. `columns` of it are told apart by
  /// point, as those of a table are: then a block is at least as long.
  PointSum(Pull<T>& pull, T* to, std::int64_t size, std::int64_t points, std::int64_t columns = 1)
      : to_(to), size_(size), block_(std::max(kBlock, columns)) {
    if (to != nullptr && points > block_) part_ = pull.scratch(size);
  }

  explicit operator bool() const { return to_ != nullptr; }

  /// Where point n adds its part.
  T* at(std::int64_t n) {
    if (part_ == nullptr) return to_;
    if (n % block_ == 0) {
      if (n > 0) flush();
      std::fill_n(part_, size_, T(0));
    }
    return part_;
  }

  /// After the last point.
  void finish() {
    if (part_ != nullptr) flush();
  }

 private:
  static constexpr std::int64_t kBlock = 1024;

  void flush() {
    for (std::int64_t i = 0; i < size_; ++i) to_[i] += part_[i];
  }

  T* to_;
  T* part_ = nullptr;
  std::int64_t size_;
  std::int64_t block_;
};

}  // namespace tapehead
