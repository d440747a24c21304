#pragma once

#include <string>
#include <vector>

#include "experiments/matrix.hpp"
#include "experiments/trained.hpp"

namespace tapehead {

/// What one attention layer of a trained model gave for one line: a map (queries, keys) of each head, and the tokens
/// that stand at its sides.
struct LayerMaps {
  std::string layer;                 ///< path, such as `decoder.layers.0.cross_attention`
  std::vector<std::string> queries;  ///< cross-attention: the token that is written there
  std::vector<std::string> keys;
  std::vector<Matrix> heads;
};

struct LineMaps {
  std::vector<std::string> source, output;
  std::vector<LayerMaps> layers;
};

/// Decodes a line greedily and looks at every attention layer as the model reads it with its own output.
LineMaps attention_maps(const Trained& trained, const std::string& line);

}  // namespace tapehead
