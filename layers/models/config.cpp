#include "layers/models/config.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/errors.hpp"
#include "autograd/base/tokens.hpp"
#include "layers/attention/attention_scale.hpp"
#include "layers/attention/positions.hpp"

namespace tapehead {
namespace {

void require_word(const char* option, const std::string& word, std::initializer_list<const char*> words) {
  if (std::ranges::find(words, word) != words.end()) return;
  throw ConfigError(fmt::format("{}: \"{}\" is none of {}", option, word, fmt::join(words, ", ")));
}

void require_at_least(const char* option, std::int64_t value, std::int64_t least) {
  if (value < least) throw ConfigError(fmt::format("{}: must be at least {}, not {}", option, least, value));
}

AttentionKernel parse_attention_kernel(const std::string& text) {
  if (text == "auto") return AttentionKernel::automatic;
  if (text == "whole") return AttentionKernel::whole;
  if (text == "tiled") return AttentionKernel::tiled;
  throw ConfigError(fmt::format("attention: \"{}\" is none of auto, whole, tiled", text));
}

std::int64_t head_width(const ModelConfig& config) {
  if (config.d_head > 0) return config.d_head;
  if (config.d_model % config.heads != 0) {
    throw ConfigError(fmt::format("heads: {} heads do not divide d-model {}; choose a divisor, or set d-head",
                                  config.heads, config.d_model));
  }
  return config.d_model / config.heads;
}

}  // namespace

void check_config(const ModelConfig& config) {
  require_word("model", config.model, {"transformer", "decoder"});
  require_word("norm", config.norm, {"pre", "post"});
  require_word("norm-kind", config.norm_kind, {"layer", "rms"});
  require_word("tie", config.tie, {"none", "output", "all"});
  require_word("initialisation", config.initialisation, {"xavier", "kaiming", "normal"});
  parse_activation(config.activation);
  parse_positions(config.positions);
  parse_attention_kernel(config.attention);
  require_at_least("layers", config.layers, 1);
  require_at_least("heads", config.heads, 1);
  require_at_least("d-model", config.d_model, 1);
  require_at_least("d-head", config.d_head, 0);
  require_at_least("d-ff", config.d_ff, 1);
  require_at_least("max-positions", config.max_positions, 1);
  require_at_least("target vocabulary", config.target_vocabulary, kFirstFreeId);
  if (config.model == "transformer") require_at_least("source vocabulary", config.source_vocabulary, kFirstFreeId);
  if (config.model == "transformer" && ties_source(config) && config.source_vocabulary != config.target_vocabulary) {
    throw ConfigError(
        fmt::format("tie: all needs the same words in source and target, which have {} and {}; choose output",
                    config.source_vocabulary, config.target_vocabulary));
  }
  if (!(config.dropout >= 0 && config.dropout < 1)) {
    throw ConfigError(fmt::format("dropout: must be in [0, 1), not {}", config.dropout));
  }
  attention_scale(config.scale, head_width(config), config.d_model);
}

WeightLaw weight_law(const ModelConfig& config) {
  if (config.initialisation == "kaiming") return WeightLaw::kaiming;
  return config.initialisation == "xavier" ? WeightLaw::xavier : WeightLaw::normal;
}

bool ties_output(const ModelConfig& config) { return config.tie != "none"; }
bool ties_source(const ModelConfig& config) { return config.tie == "all"; }

StackOptions stack_options(const ModelConfig& config) {
  const std::int64_t width = head_width(config);
  const NormPlace norm = config.norm == "pre" ? NormPlace::pre : NormPlace::post;
  return {.layers = config.layers,
          .layer = {.channels = config.d_model,
                    .heads = config.heads,
                    .key_width = width,
                    .inner = config.d_ff,
                    .scale = attention_scale(config.scale, width, config.d_model),
                    .kernel = parse_attention_kernel(config.attention),
                    .norm = norm,
                    .norm_kind = config.norm_kind == "rms" ? NormKind::rms : NormKind::layer,
                    .activation = parse_activation(config.activation),
                    .dropout = config.dropout}};
}

}  // namespace tapehead
