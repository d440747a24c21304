#pragma once

#include <cstdint>
#include <vector>

#include "autograd/parallel.hpp"
#include "autograd/parameters.hpp"

namespace tapehead {

struct ExampleRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
  bool empty() const { return first == last; }
};

/// The examples of shard `shard` of `shards`: example i of `examples` goes to shard ⌊i · shards / examples⌋.
ExampleRange shard_range(std::int64_t shard, std::int64_t shards, std::int64_t examples);

/// Whether shard 0 holds the whole batch, so that other workers are free to help with its ops.
inline bool one_shard_only(std::int64_t shards, std::int64_t examples) { return shards == 1 || examples == 1; }

/// Sums the gradients of the shards of a batch along one fixed binary tree, which depends on their number alone. A
/// worker takes contiguous subtrees and adds as it goes, so it needs ⌈log₂ S⌉ + 1 buffers at most; which worker takes
/// what changes where a sum is made, never its operands or their order: the total is the same to the bit.
template <Scalar T>
class ShardedGradient {
 public:
  /// For flat vectors of `size` elements. Throws ConfigError if shards < 1.
  ShardedGradient(int shards, int workers, std::int64_t size);

  /// Calls fill(worker, shard, T* gradient) for every shard that has examples, each on one worker; fill overwrites all
  /// of the gradient. Afterwards total() is their sum. Allocates nothing. A shard that is alone is filled by the
  /// calling thread, as worker 0, and may use the workers itself. Throws DataError without examples.
  /// REQUIRES: workers.size() as given above.
  template <class F>
  void run(WorkerPool& workers, std::int64_t examples, F&& fill) {
    begin(examples);
    if (one_shard_only(shards_, examples)) {
      total_ = buffers_[0][0].data();
      fill(0, 0, total_);
      return;
    }
    workers.run([&](int worker) {
      const auto fill_here = [&](std::int64_t shard, T* gradient) { fill(worker, static_cast<int>(shard), gradient); };
      sum_subtree(root(), worker, fill_here);
    });
    join(workers);
  }

  T* total() { return total_; }
  const T* total() const { return total_; }

 private:
  // Shards [first, last) and the workers [first_worker, last_worker) that sum them.
  struct Subtree {
    std::int64_t first, last;
    int first_worker, last_worker;
    bool leaf() const { return last - first == 1; }
  };

  Subtree root() const { return {0, shards_, 0, workers_}; }
  static std::int64_t middle(const Subtree& tree);
  Subtree left(const Subtree& tree) const;
  Subtree right(const Subtree& tree) const;
  bool has_examples(const Subtree& tree) const;

  // Descends to the largest subtrees that are this worker's alone, and sums them.
  template <class F>
  void sum_subtree(const Subtree& tree, int worker, const F& fill) {
    if (worker < tree.first_worker || worker >= tree.last_worker) return;
    if (tree.last_worker - tree.first_worker == 1 || tree.leaf()) {
      if (worker == tree.first_worker) result_[at(worker)] = sum_alone(tree, worker, 0, fill);
      return;
    }
    sum_subtree(left(tree), worker, fill);
    sum_subtree(right(tree), worker, fill);
  }

  // The sum of a subtree, in the worker's buffer `depth`; nullptr if no shard in it has examples.
  template <class F>
  T* sum_alone(const Subtree& tree, int worker, int depth, const F& fill) {
    if (tree.leaf()) {
      if (!has_examples(tree)) return nullptr;
      T* gradient = buffers_[at(worker)][at(depth)].data();
      fill(tree.first, gradient);
      return gradient;
    }
    T* a = sum_alone(left(tree), worker, depth, fill);
    T* b = sum_alone(right(tree), worker, a == nullptr ? depth : depth + 1, fill);
    if (a == nullptr || b == nullptr) return a == nullptr ? b : a;
    for (std::int64_t i = 0; i < size_; ++i) a[i] += b[i];
    return a;
  }

  void begin(std::int64_t examples);
  void join(WorkerPool& workers);
  T* join_subtree(const Subtree& tree, WorkerPool& workers);
  static std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

  std::int64_t shards_;
  int workers_;
  std::int64_t size_;
  std::int64_t examples_ = 0;
  std::vector<std::vector<FlatVector<T>>> buffers_;  // of each worker
  std::vector<T*> result_;                           // of each worker: the sum of its subtree
  T* total_ = nullptr;
};

}  // namespace tapehead
