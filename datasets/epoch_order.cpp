#include "datasets/epoch_order.hpp"

#include <numeric>
#include <utility>

#include "autograd/base/random.hpp"

namespace tapehead {

void EpochOrder::turn_to(std::uint64_t seed, std::uint64_t epoch) const {
  if (known_ && seed_ == seed && epoch_ == epoch) return;
  const RandomStream random(seed, Purpose::shuffle, epoch);  // Fisher and Yates, in Durstenfeld's form
  std::iota(order_.begin(), order_.end(), 0U);
  for (std::uint64_t k = order_.size() - 1; k > 0; --k) {
    std::swap(order_[k], order_[random.below(k + 1, static_cast<std::uint32_t>(k))]);
  }
  seed_ = seed;
  epoch_ = epoch;
  known_ = true;
}

}  // namespace tapehead
