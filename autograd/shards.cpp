#include "autograd/shards.hpp"

#include <fmt/format.h>

#include <bit>

#include "autograd/base/errors.hpp"

namespace tapehead {

ExampleRange shard_range(std::int64_t shard, std::int64_t shards, std::int64_t examples) {
  // The first i with ⌊i · shards / examples⌋ ≥ s is ⌈s · examples / shards⌉.
  const auto first_of = [&](std::int64_t s) { return (s * examples + shards - 1) / shards; };
  return {first_of(shard), first_of(shard + 1)};
}

template <Scalar T>
ShardedGradient<T>::ShardedGradient(int shards, int workers, std::int64_t size)
    : shards_(shards), workers_(workers), size_(size), result_(at(workers)) {
  if (shards < 1) throw ConfigError(fmt::format("shards: at least 1 is needed, not {}", shards));
  // A worker alone on m shards needs ⌈log₂ m⌉ + 1 buffers; ask the tree how many it gets.
  buffers_.resize(at(workers));
  const auto reserve = [&](auto&& self, const Subtree& tree) -> void {
    if (tree.last_worker - tree.first_worker > 1 && !tree.leaf()) {
      self(self, left(tree));
      self(self, right(tree));
      return;
    }
    const auto count = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(tree.last - tree.first - 1))) + 1;
    for (int i = 0; i < count; ++i) buffers_[at(tree.first_worker)].emplace_back(size);
  };
  reserve(reserve, root());
}

// The left half is the largest power of two below the count: adding a shard leaves the tree over the others as it was.
template <Scalar T>
std::int64_t ShardedGradient<T>::middle(const Subtree& tree) {
  return tree.first + static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(tree.last - tree.first - 1)));
}

// Workers are shared out in proportion to the shards. The left side holds at least half of them and not all: of two
// workers or more, each side gets one.
template <Scalar T>
typename ShardedGradient<T>::Subtree ShardedGradient<T>::left(const Subtree& tree) const {
  const std::int64_t mid = middle(tree);
  const int workers = tree.last_worker - tree.first_worker;
  if (workers == 1) return {tree.first, mid, tree.first_worker, tree.last_worker};
  const auto share = static_cast<int>((mid - tree.first) * workers / (tree.last - tree.first));
  return {tree.first, mid, tree.first_worker, tree.first_worker + share};
}

template <Scalar T>
typename ShardedGradient<T>::Subtree ShardedGradient<T>::right(const Subtree& tree) const {
  const int workers = tree.last_worker - tree.first_worker;
  const int first_worker = workers == 1 ? tree.first_worker : left(tree).last_worker;
  return {middle(tree), tree.last, first_worker, tree.last_worker};
}

template <Scalar T>
bool ShardedGradient<T>::has_examples(const Subtree& tree) const {
  return !shard_range(tree.first, shards_, examples_).empty();
}

template <Scalar T>
void ShardedGradient<T>::begin(std::int64_t examples) {
  if (examples < 1) throw DataError("training: a batch holds no examples");
  examples_ = examples;
}

template <Scalar T>
void ShardedGradient<T>::join(WorkerPool& workers) {
  total_ = join_subtree(root(), workers);
}

template <Scalar T>
T* ShardedGradient<T>::join_subtree(const Subtree& tree, WorkerPool& workers) {
  if (tree.last_worker - tree.first_worker == 1 || tree.leaf()) return result_[at(tree.first_worker)];
  T* a = join_subtree(left(tree), workers);
  T* b = join_subtree(right(tree), workers);
  if (a == nullptr || b == nullptr) return a == nullptr ? b : a;
  workers.run([&](int worker) {
    constexpr std::int64_t kLine = 64;
    const auto [first, last] = work_range(size_, worker, workers.size(), kLine);
    for (std::int64_t i = first; i < last; ++i) a[i] += b[i];
  });
  return a;
}

template class ShardedGradient<float>;
template class ShardedGradient<double>;

}  // namespace tapehead
