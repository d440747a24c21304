#include "trainers/clipping.hpp"

#include <algorithm>
#include <cmath>

namespace tapehead {

template <RealScalar T>
GlobalNorm<T>::GlobalNorm(std::int64_t size)
    : size_(size), blocks_(static_cast<std::size_t>((size + kBlock - 1) / kBlock)) {}

template <RealScalar T>
double GlobalNorm<T>::operator()(const T* gradient, WorkerPool& workers) {
  workers.run([&](int worker) {
    const auto [first, last] = work_range(std::ssize(blocks_), worker, workers.size());
    for (std::int64_t block = first; block < last; ++block) {
      double sum = 0;
      const std::int64_t end = std::min(size_, (block + 1) * kBlock);
      for (std::int64_t i = block * kBlock; i < end; ++i) sum += static_cast<double>(gradient[i]) * gradient[i];
      blocks_[static_cast<std::size_t>(block)] = sum;
    }
  });
  double total = 0;
  for (const double block : blocks_) total += block;
  return std::sqrt(total);
}

double clip_scale(double norm, double clip) { return clip > 0 && norm > clip ? clip / norm : 1; }

template class GlobalNorm<float>;
template class GlobalNorm<double>;

}  // namespace tapehead
