#pragma once

#include <cstdint>
#include <vector>

#include "autograd/kernels/gemm.hpp"
#include "autograd/parallel.hpp"
#include "layers/models/config.hpp"

namespace tapehead {

/// `count` products c (m, n) = op(a) · op(b) with inner size k.
struct Product {
  std::int64_t m, n, k;
  Transpose op_a = Transpose::no, op_b = Transpose::no;
  std::int64_t count = 1;

  double flop() const { return 2.0 * static_cast<double>(m * n) * static_cast<double>(k * count); }
};

/// What one step is made of, for its floor.
struct StepShape {
  std::int64_t batch = 1;
  std::int64_t source_length = 0;  ///< positions; 0 without an encoder
  std::int64_t target_length = 1;
};

/// The fewest and largest products whose results a step of `examples` examples needs, forward and backward: one for
/// all that shares an input, one for all columns; for each head of each example its own. Causal attention counts blocks
/// of `causal_block` queries with the keys up to the block's end; 0 counts all pairs.
std::vector<Product> products_of_step(const ModelConfig& model, const StepShape& shape, std::int64_t examples,
                                      std::int64_t causal_block);

/// The time of the products alone: by BLAS, one thread a worker, warm.
class GemmFloor {
 public:
  /// Finds the number of shards and the causal block with which the products are fastest.
  GemmFloor(const ModelConfig& model, const StepShape& shape, WorkerPool& workers);

  /// Runs all products of a step once; seconds.
  double measure();

  std::int64_t shards() const { return shards_; }
  /// Of all products.
  double flop() const;

 private:
  using Shards = std::vector<std::vector<Product>>;

  Shards products_at(std::int64_t shards, std::int64_t causal_block) const;
  double measure(const Shards& products);

  const ModelConfig& model_;
  StepShape shape_;
  WorkerPool& workers_;
  std::int64_t shards_ = 1;
  Shards products_;
  std::vector<std::vector<float>> memory_;  // of each worker: operands and results
};

}  // namespace tapehead
