#pragma once

#include <optional>
#include <span>
#include <vector>

#include "datasets/readers/image_patches.hpp"
#include "experiments/analysis/matrix.hpp"

namespace tapehead {

/// The pixels of an image from its features (C, T).
Matrix image_of(const ImagePatches& patches, std::span<const float> features);

/// A number of each patch, over all its pixels.
Matrix over_image(const ImagePatches& patches, std::span<const double> numbers);

/// How much each patch is attended to by what says the class: by the class token, the first query, which is no patch
/// itself; without one by all patches together, the mean of the queries. map (queries, keys).
std::vector<double> attention_to_patches(const Matrix& map, bool class_token);

/// Attention rollout (Abnar & Zuidema 2020, "Quantifying Attention Flow in Transformers", §3): R = Â_L ⋯ Â_1, where Â_l
/// is the mean of layer l's heads and the identity, half each, its rows summing to 1. How much of each position of the
/// input is in each of the output, as far as attention and residual paths say. Nothing where a weight is below zero, so
/// that no rows are shares, and where no layer has heads. `layers`: the heads (queries, keys) of each, in order.
std::optional<Matrix> attention_rollout(std::span<const std::vector<Matrix>> layers);

}  // namespace tapehead
