#include "trainers/clipping.hpp"

#include <algorithm>
#include <cmath>

#include "autograd/ops/columns.hpp"

namespace tapehead {

template <RealScalar T>
GlobalNorm<T>::GlobalNorm(std::int64_t size)
    : size_(size), blocks_(static_cast<std::size_t>((size + kBlock - 1) / kBlock)) {}

template <RealScalar T>
double GlobalNorm<T>::operator()(const T* gradient, WorkerPool& workers) {
  workers.run([&](int worker) {
    const auto [first, last] = work_range(std::ssize(blocks_), worker, workers.size());
    for (std::int64_t block = first; block < last; ++block) {
      const T* part = gradient + block * kBlock;
      blocks_[static_cast<std::size_t>(block)] =
          sum_over<double>(std::min(kBlock, size_ - block * kBlock),
                           [=](std::int64_t i) { return static_cast<double>(part[i]) * part[i]; });
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
