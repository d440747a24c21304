#include "trainers/clipping.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/ops/detail/columns.hpp"

namespace tapehead {

template <RealScalar T>
GlobalNorm<T>::GlobalNorm(std::int64_t size)
    : size_(size), blocks_(static_cast<std::size_t>((size + kBlock - 1) / kBlock)) {}

// Of factor · gradient.
template <RealScalar T>
double GlobalNorm<T>::sum_of_squares(const T* gradient, double factor, WorkerPool& workers) {
  workers.run([&](int worker) {
    const auto [first, last] = work_range(std::ssize(blocks_), worker, workers.size());
    for (std::int64_t block = first; block < last; ++block) {
      const T* part = gradient + block * kBlock;
      blocks_[static_cast<std::size_t>(block)] =
          sum_over<double>(std::min(kBlock, size_ - block * kBlock), [=](std::int64_t i) {
            const double element = factor * static_cast<double>(part[i]);
            return element * element;
          });
    }
  });
  double total = 0;
  for (const double block : blocks_) total += block;
  return total;
}

template <RealScalar T>
double GlobalNorm<T>::operator()(const T* gradient, WorkerPool& workers) {
  const double total = sum_of_squares(gradient, 1, workers);
  if (total > std::numeric_limits<double>::min() && total < std::numeric_limits<double>::infinity())
    return std::sqrt(total);
  if (std::isnan(total)) return total;
  double largest = 0;
  for (std::int64_t i = 0; i < size_; ++i) largest = std::max(largest, std::abs(static_cast<double>(gradient[i])));
  if (largest == 0 || std::isinf(largest)) return largest;
  // By a power of two, so that nothing is rounded twice.
  const double factor = std::ldexp(1.0, std::clamp(-std::ilogb(largest), -1000, 1000));
  return std::sqrt(sum_of_squares(gradient, factor, workers)) / factor;
}

double clip_scale(double norm, double clip) { return clip > 0 && norm > clip ? clip / norm : 1; }

template class GlobalNorm<float>;
template class GlobalNorm<double>;

}  // namespace tapehead
