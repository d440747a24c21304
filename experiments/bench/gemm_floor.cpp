#include "experiments/bench/gemm_floor.hpp"

#include <algorithm>
#include <chrono>

#include "autograd/shards.hpp"
#include "layers/models/spec.hpp"
#include "layers/recurrent/cell.hpp"

namespace tapehead {
namespace {

using enum Transpose;

// What takes longer than this, in seconds, has been warm for nearly all of it.
constexpr double kWarm = 0.2;

// y = Wᵀ x over so many columns; d_x = W d_y; d_W = x d_yᵀ.
void add_linear(std::vector<Product>& products, std::int64_t in, std::int64_t out, std::int64_t columns,
                std::int64_t count) {
  products.push_back({out, columns, in, yes, no, count});
  products.push_back({in, columns, out, no, no, count});
  products.push_back({in, out, columns, no, yes, count});
}

// The six products of one head: scores, context, and the gradients of value, weights, query and key.
void add_head(std::vector<Product>& products, std::int64_t width, std::int64_t keys, std::int64_t queries,
              std::int64_t count) {
  products.push_back({keys, queries, width, yes, no, count});
  products.push_back({width, queries, keys, no, no, count});
  products.push_back({width, keys, queries, no, yes, count});
  products.push_back({keys, queries, width, yes, no, count});
  products.push_back({width, queries, keys, no, no, count});
  products.push_back({width, keys, queries, no, yes, count});
}

void add_causal_heads(std::vector<Product>& products, std::int64_t width, std::int64_t length, std::int64_t block,
                      std::int64_t count) {
  for (std::int64_t first = 0; first < length; first += block) {
    const std::int64_t queries = std::min(block, length - first);
    add_head(products, width, first + queries, queries, count);
  }
}

// The same where a position can only be read after the one before it.
void add_stepwise(std::vector<Product>& products, std::int64_t in, std::int64_t out, std::int64_t positions,
                  std::int64_t examples, std::int64_t count) {
  products.push_back({out, examples, in, yes, no, positions * count});
  products.push_back({in, examples, out, no, no, positions * count});
  products.push_back({in, out, positions * examples, no, yes, count});
}

// What recurrent layers read is one product where all of it is known beforehand; the states follow each other.
std::vector<Product> products_of_recurrent_step(const ModelConfig& model, const StepShape& shape,
                                                std::int64_t examples) {
  const bool attends = model_spec(model.model).crosses;
  const bool feeds = attends && model.recurrent.input_feeding == "yes";
  const std::int64_t directions = shape.source_length > 0 && model.recurrent.bidirectional == "yes" ? 2 : 1;
  const auto gates = std::ssize(find_cell(model.recurrent.cell).gates);
  const std::int64_t c = model.d_model;
  const std::int64_t half = c / directions;
  const std::int64_t source = shape.source_length * examples;
  const std::int64_t target = shape.target_length * examples;
  std::vector<Product> products;
  if (shape.source_length > 0) {
    add_linear(products, c, directions * gates * half, source, model.layers);
    add_stepwise(products, half, gates * half, shape.source_length, examples, directions * model.layers);
  }
  add_linear(products, c, gates * c, target, feeds ? 1 : model.layers);
  // Beside the h before: what is fed, and what the layer below says there.
  add_stepwise(products, c, gates * c, shape.target_length, examples, feeds ? 2 * model.layers : model.layers);
  if (attends) {
    const std::int64_t width = model.d_head > 0 ? model.d_head : c / model.heads;
    const std::int64_t inner = model.heads * width;
    const std::int64_t steps = feeds ? shape.target_length : 1;
    const std::int64_t columns = target / steps;
    add_linear(products, c, 2 * inner, source, 1);
    add_linear(products, c, inner, columns, steps);
    add_head(products, width, shape.source_length, shape.target_length / steps, model.heads * examples * steps);
    add_linear(products, inner, c, columns, steps);
    add_linear(products, c, c, columns, steps);
  }
  add_linear(products, c, model.target_vocabulary, target, 1);
  return products;
}

std::vector<Product> products_of_convolutional_step(const ModelConfig& model, const StepShape& shape,
                                                    std::int64_t examples) {
  const std::int64_t c = model.d_model;
  const std::int64_t source = shape.source_length * examples;
  const std::int64_t target = shape.target_length * examples;
  std::vector<Product> products;
  if (shape.source_length > 0) add_linear(products, model.convolution.width * c, 2 * c, source, model.layers);
  add_linear(products, model.convolution.width * c, 2 * c, target, model.layers);
  if (shape.source_length > 0) {
    const std::int64_t width = model.d_head > 0 ? model.d_head : c / model.heads;
    const std::int64_t inner = model.heads * width;
    add_linear(products, c, 2 * inner, source, model.layers);
    add_linear(products, c, inner, target, model.layers);
    add_head(products, width, shape.source_length, shape.target_length, model.heads * examples * model.layers);
    add_linear(products, inner, c, target, model.layers);
  }
  add_linear(products, c, model.target_vocabulary, target, 1);
  return products;
}

}  // namespace

std::vector<Product> products_of_step(const ModelConfig& model, const StepShape& shape, std::int64_t examples,
                                      std::int64_t causal_block) {
  const ModelKind kind = model_spec(model.model).kind;
  if (kind == ModelKind::recurrent) return products_of_recurrent_step(model, shape, examples);
  if (kind == ModelKind::convolutional) return products_of_convolutional_step(model, shape, examples);
  const std::int64_t channels = model.d_model;
  const std::int64_t width = model.d_head > 0 ? model.d_head : channels / model.heads;
  const std::int64_t inner = model.heads * width;
  const std::int64_t heads = model.heads * examples * model.layers;
  const std::int64_t source = shape.source_length * examples;
  const std::int64_t target = shape.target_length * examples;
  std::vector<Product> products;
  const auto add_self_attention = [&](std::int64_t columns) {
    add_linear(products, channels, 3 * inner, columns, model.layers);
    add_linear(products, inner, channels, columns, model.layers);
  };
  const auto add_feed_forward = [&](std::int64_t columns) {
    if (model.feed_forward.kind == "none") return;
    add_linear(products, channels, (model.feed_forward.kind == "gated" ? 2 : 1) * model.d_ff, columns, model.layers);
    add_linear(products, model.d_ff, channels, columns, model.layers);
  };

  if (shape.source_length > 0) {
    add_self_attention(source);
    add_head(products, width, shape.source_length, shape.source_length, heads);
    add_feed_forward(source);
  }
  if (!model_spec(model.model).reads.has(Column::input)) {  // it says a token in the place of each source token
    add_linear(products, channels, model.target_vocabulary, source, 1);
    return products;
  }
  if (shape.source_length > 0) {
    // Cross-attention of every decoder layer reads the same memory: one product for all their keys and values.
    add_linear(products, channels, 2 * inner * model.layers, source, 1);
    add_linear(products, channels, inner, target, model.layers);
    add_head(products, width, shape.source_length, shape.target_length, heads);
    add_linear(products, inner, channels, target, model.layers);
  }
  add_self_attention(target);
  const std::int64_t block = causal_block > 0 ? causal_block : shape.target_length;
  add_causal_heads(products, width, shape.target_length, block, heads);
  add_feed_forward(target);
  add_linear(products, channels, model.target_vocabulary, target, 1);
  return products;
}

GemmFloor::GemmFloor(const ModelConfig& model, const StepShape& shape, WorkerPool& workers)
    : model_(model), shape_(shape), workers_(workers), memory_(static_cast<std::size_t>(workers.size())) {
  double fastest = 1e30;
  const auto consider = [&](std::int64_t shards, std::int64_t block) {
    const Shards candidate = products_at(shards, block);
    double seconds = measure(candidate);
    if (seconds < kWarm) seconds = measure(candidate);
    if (seconds >= fastest) return false;
    fastest = seconds;
    shards_ = shards;
    products_ = candidate;
    return true;
  };
  for (std::int64_t shards = workers.size(); shards <= std::min(shape.batch, std::int64_t{4} * workers.size());
       shards *= 2) {
    consider(shards, 0);
  }
  if (products_.empty()) consider(std::min<std::int64_t>(shape.batch, workers.size()), 0);
  for (std::int64_t block = 16; block < shape.target_length && block <= 256; block *= 2) consider(shards_, block);
}

GemmFloor::Shards GemmFloor::products_at(std::int64_t shards, std::int64_t causal_block) const {
  Shards products;
  for (std::int64_t shard = 0; shard < shards; ++shard) {
    const ExampleRange range = shard_range(shard, shards, shape_.batch);
    products.push_back(products_of_step(model_, shape_, range.last - range.first, causal_block));
  }
  return products;
}

double GemmFloor::flop() const {
  double sum = 0;
  for (const auto& shard : products_) {
    for (const Product& product : shard) sum += product.flop();
  }
  return sum;
}

double GemmFloor::measure() { return measure(products_); }

double GemmFloor::measure(const Shards& products) {
  using Clock = std::chrono::steady_clock;
  std::int64_t room = 0;
  for (const auto& shard : products) {
    for (const auto& [m, n, k, op_a, op_b, count] : shard) room = std::max({room, m * n, m * k, k * n});
  }
  for (auto& memory : memory_) memory.resize(std::max(memory.size(), static_cast<std::size_t>(3 * room)));

  const Clock::time_point begin = Clock::now();
  workers_.run([&](int worker) {
    float* a = memory_[static_cast<std::size_t>(worker)].data();
    float* b = a + room;
    float* c = b + room;
    const auto [first, last] = work_range(std::ssize(products), worker, workers_.size());
    for (std::int64_t shard = first; shard < last; ++shard) {
      for (const auto& [m, n, k, op_a, op_b, count] : products[static_cast<std::size_t>(shard)]) {
        const MatrixView<const float> left(a, op_a == yes ? k : m, op_a == yes ? m : k);
        const MatrixView<const float> right(b, op_b == yes ? n : k, op_b == yes ? k : n);
        for (std::int64_t i = 0; i < count; ++i) blas_gemm(1.0F, left, op_a, right, op_b, 0.0F, MatrixView(c, m, n));
      }
    }
  });
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace tapehead
