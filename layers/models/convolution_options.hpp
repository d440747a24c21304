#pragma once

#include "layers/convolution/convolution_stacks.hpp"
#include "layers/models/config.hpp"

namespace tapehead {

/// What a configuration says of the parts that convolutional families are made of.
GatedConvolution::Options convolution_options(const ModelConfig& config);
/// `crosses`: with attention to a memory in every layer.
ConvolutionDecoder::Options convolution_decoder_options(const ModelConfig& config, bool crosses);

}  // namespace tapehead
