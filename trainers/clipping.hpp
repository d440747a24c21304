#pragma once

#include <cstdint>
#include <vector>

#include "autograd/parallel.hpp"
#include "autograd/parameters.hpp"

namespace tapehead {

/// The Euclidean norm of a whole gradient: squares are summed in double over fixed blocks, and the blocks in order, so
/// the number of workers does not change a bit.
template <RealScalar T>
class GlobalNorm {
 public:
  explicit GlobalNorm(std::int64_t size);

  /// Infinite or NaN if an element is; squares that overflow or vanish do not count as such. Allocates nothing.
  double operator()(const T* gradient, WorkerPool& workers);

 private:
  static constexpr std::int64_t kBlock = 4096;
  double sum_of_squares(const T* gradient, double factor, WorkerPool& workers);
  std::int64_t size_;
  std::vector<double> blocks_;
};

/// What a gradient of this norm is multiplied by so that its norm is at most `clip` (Pascanu et al. 2013); 1
/// if clip == 0.
double clip_scale(double norm, double clip);

}  // namespace tapehead
