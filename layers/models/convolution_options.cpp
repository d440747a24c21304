#include "layers/models/convolution_options.hpp"

#include "layers/models/family.hpp"

namespace tapehead {

GatedConvolution::Options convolution_options(const ModelConfig& config) {
  return {.channels = config.d_model, .width = config.convolution.width, .dropout = config.dropout};
}

ConvolutionDecoder::Options convolution_decoder_options(const ModelConfig& config, bool crosses) {
  ConvolutionDecoder::Options options{.layers = config.layers, .convolution = convolution_options(config)};
  if (!crosses) return options;
  options.attention = attention_options(stack_options(config).layer, config.d_model);
  options.attention->values_apart = true;
  options.attention->dropout = 0;  // of weights: it falls on what convolutions read
  return options;
}

}  // namespace tapehead
