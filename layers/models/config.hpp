#pragma once

#include <cstdint>
#include <string>

#include "layers/scope.hpp"
#include "layers/stacks.hpp"

namespace tapehead {

/// Everything that shapes a model, in words that people write.
struct ModelConfig {
  std::string model = "transformer";  ///< transformer | decoder
  std::int64_t layers = 2;            ///< of the encoder and of the decoder each
  std::int64_t heads = 4;
  std::int64_t d_model = 64;
  std::int64_t d_head = 0;  ///< width of one head; 0: d_model / heads
  std::int64_t d_ff = 256;
  std::string positions = "sinusoidal";  ///< sinusoidal | learned | none
  std::string norm = "pre";              ///< pre | post
  std::string activation = "relu";       ///< relu | gelu
  std::string scale = "inv_sqrt_dk";     ///< see attention_scale()
  std::string attention = "auto";         ///< auto | whole | tiled: see AttentionKernel
  std::string initialisation = "xavier";  ///< xavier | normal
  double dropout = 0;
  std::int64_t max_positions = 128;
  std::int64_t source_vocabulary = 0;  ///< reserved ids included
  std::int64_t target_vocabulary = 0;
};

/// Throws ConfigError, in one line that names the option, for a configuration that makes no model.
void check_config(const ModelConfig& config);

WeightLaw weight_law(const ModelConfig& config);
StackOptions stack_options(const ModelConfig& config);

}  // namespace tapehead
