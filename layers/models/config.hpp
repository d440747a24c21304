#pragma once

#include <cstdint>
#include <string>

#include "autograd/base/options.hpp"
#include "layers/attention/head_choices.hpp"
#include "layers/attention/rotary_choices.hpp"
#include "layers/attention/stage_choices.hpp"
#include "layers/block_choices.hpp"
#include "layers/convolution/convolution_choices.hpp"
#include "layers/draw_choices.hpp"
#include "layers/drop_choices.hpp"
#include "layers/feed_forward_choices.hpp"
#include "layers/recurrent/recurrent_choices.hpp"

namespace tapehead {

/// Positions of features, row by row, each of so many numbers; none: data have no features.
struct FeatureGrid {
  std::int64_t channels = 0, rows = 0, columns = 0;

  std::int64_t positions() const { return rows * columns; }
};

/// Everything that shapes a model, in words that people write.
struct ModelConfig {
  std::string model = "transformer";  ///< a family: see model_specs()
  std::int64_t layers = 2;            ///< of the encoder and of the decoder each
  std::int64_t heads = 4;
  std::int64_t d_model = 64;
  std::int64_t d_head = 0;   ///< width of one head; 0: d_model / heads
  std::int64_t d_value = 0;  ///< of its values; 0: as d_head
  HeadChoices head = {};
  std::int64_t d_ff = 256;
  std::string positions = "sinusoidal";  ///< see its field
  std::string norm = "pre";              ///< pre | post | both | none: see Residual
  std::string norm_kind = "layer";       ///< layer | rms
  BlockChoices block = {};
  FeedForwardChoices feed_forward = {};
  std::string scale = "inv_sqrt_dk";  ///< see attention_scale()
  StageChoices stages = {};           ///< their bias follows from `positions`
  RotaryChoices rotary = {};
  std::string mixer = "attention";  ///< attention | one of mixer_specs(): of a sequence with itself
  RecurrentChoices recurrent = {};
  ConvolutionChoices convolution = {};
  std::string attention_mask = {};        ///< what self-attention sees besides its family's mask: see MaskText
  std::string attention = "auto";         ///< auto | whole | tiled | composed: see AttentionKernel
  std::string initialisation = "xavier";  ///< see WeightLaw
  DrawChoices draw = {};
  std::string embedding_scale = "auto";  ///< auto | none | sqrt_dmodel: see EmbeddingScale
  std::string output_bias = "yes";       ///< yes | no: of the projection on the vocabulary
  std::string tie = "none";              ///< none | output | all: see ties_output
  std::string pooling = "first";         ///< see parse_pooling(): what says the class of an example
  double dropout = 0;
  DropChoices drops = {};
  std::int64_t position_range = 0;     ///< in training, positions are drawn from so many; 0: they are 0, 1, 2 …
  std::int64_t max_positions = 128;    ///< longest sequence that is read or written, of every kind of positions
  std::int64_t source_vocabulary = 0;  ///< reserved ids included
  std::int64_t target_vocabulary = 0;
  FeatureGrid features = {};  ///< of the data

  static Fields<ModelConfig> fields();
};

/// Throws ConfigError, in one line that names the option, for a configuration that makes no model.
void check_config(const ModelConfig& config);
struct ModelSpec;
void check_config(const ModelConfig& config, const ModelSpec& spec);

/// Width of one head: d_head, or what d_model leaves to each. Throws ConfigError if heads do not divide it.
std::int64_t head_width(const ModelConfig& config);

/// What embeddings are multiplied by, "none" or "sqrt_dmodel": that of the configuration, or what its law asks for.
std::string embedding_scale(const std::string& chosen, const std::string& initialisation);

/// Positions that are told apart: those that sequences have, or that are drawn from.
std::int64_t positions_told_apart(const ModelConfig& config);

/// Whether its family reads features.
bool reads_features(const ModelConfig& config);
/// Positions of such a model: those of the grid, and of the class token if it has one.
std::int64_t positions_of_features(const ModelConfig& config);

/// What some families need besides; see ModelSpec::check. Throw ConfigError.
void require_source_vocabulary(const ModelConfig& config);
/// For `tie`; `instead` is what to choose.
void require_same_vocabularies(const ModelConfig& config, const std::string& tie, const std::string& instead);

/// Which tables of the model are one (Press & Wolf 2017; Vaswani et al. 2017, §3.4). The table of target embeddings (C,
/// V) is a weight (in, out) as it lies in memory: with `output` it is the output projection's too; with `all` it is the
/// source embeddings' as well, for which source and target must have the same words. It is drawn as an embedding, and
/// is multiplied by √C where tokens are looked up, not where logits are made. It goes by the name of its first use.
bool ties_output(const ModelConfig& config);
bool ties_source(const ModelConfig& config);

}  // namespace tapehead
