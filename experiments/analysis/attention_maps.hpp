#pragma once

#include <optional>
#include <string>
#include <vector>

#include "experiments/analysis/image_maps.hpp"
#include "experiments/analysis/matrix.hpp"
#include "experiments/runs/trained.hpp"
#include "layers/site.hpp"

namespace tapehead {

/// What one attention layer of a trained model gave for one line: a map (queries, keys) of each head, and the tokens
/// that stand at its sides. Everywhere in a decoder a row is called by the token that is being written there, which the
/// model does not see yet; in an encoder by the token at its place.
struct LayerMaps {
  std::string layer;  ///< path, such as `decoder.layers.0.cross_attention`
  AttentionRole role;
  std::vector<std::string> queries;
  std::vector<std::string> keys;
  std::string rows_are;     ///< what a row stands for, for people
  std::string columns_are;  ///< what a column stands for
  std::vector<Matrix> heads;
};

/// What is there beside maps where an image is read.
struct SeenImage {
  ImagePatches patches;
  Matrix pixels;                       ///< from 0 to 1
  bool class_token = false;            ///< whether the first of the positions is one
  std::optional<Matrix> rollout = {};  ///< see attention_rollout()
};

struct LineMaps {
  std::vector<std::string> source, output;
  std::vector<LayerMaps> layers;
  std::optional<SeenImage> image = {};
};

/// Decodes what is asked greedily and looks at every attention layer as the model reads it with its own output. Throws
/// DataError for a question that is empty, ConfigError for a model that attends to nothing.
LineMaps attention_maps(const Trained& trained, const SequencePair& question);

}  // namespace tapehead
