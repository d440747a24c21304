#pragma once

#include "tests/support/plain_model.hpp"

namespace tapehead::testing_support {

/// What an encoder reads of features, before dropout: each projected, behind a class token if it has one, with its
/// position, and normed if it is.
PlainBlock plain_patches(const ModelConfig& config, const PlainLayers& layers, const FeatureView& features);

/// The first column of each example, or the mean of all.
PlainBlock plain_pooled(const PlainBlock& x, const std::string& pooling);

}  // namespace tapehead::testing_support
