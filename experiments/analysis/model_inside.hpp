#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "experiments/analysis/matrix.hpp"
#include "layers/models/model.hpp"

namespace tapehead {

/// An attention of a model as it runs.
struct AttentionInside {
  std::string layer;      ///< path, `decoder.layers.0.cross_attention`
  double operations = 0;  ///< of its scores and contexts, a query: 2 (d_k + d_v) H times the keys that one may attend
  Matrix allowed;         ///< (queries, keys): 1 where some head may attend
};

/// What a model does with one example of some lengths.
struct ModelInside {
  /// By the name of a parameter: multiplications and additions in products with it, a column, in all layers that
  /// share it; none without products. A table of distances is multiplied by the query of each head, what mixes heads
  /// by the scores of each key.
  std::map<std::string, double> operations;
  std::vector<AttentionInside> attentions;
};

/// Of an example of so many source and target tokens, seen while a model of the same kind runs on it that has two
/// heads of two channels and one layer: what a large one would need is not taken. Elementwise arithmetic is not
/// counted, nor are products with constants; of the state of a sequence mixer, one update and one product with it are
/// (4 H d_k d_v), for each way that it is read, and what a key recalls of it where that is corrected (2 H d_k d_v).
ModelInside model_inside(const Model& model, std::int64_t source, std::int64_t target);

/// "4 heads of 16".
std::string heads_text(const ModelConfig& config);

/// "4 heads of 16, dot, inv_sqrt_dk, softmax": what an attention of the model is made of; what is as everywhere is left
/// out.
std::string stages_text(const ModelConfig& config);

}  // namespace tapehead
