#include "layers/models/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/tokens.hpp"
#include "layers/attention/attention_scale.hpp"
#include "layers/attention/combinations.hpp"
#include "layers/attention/mask_text.hpp"
#include "layers/attention/positions.hpp"
#include "layers/mixers/mixer.hpp"
#include "layers/models/spec.hpp"

namespace tapehead {
namespace {

void require_at_least(const char* option, std::int64_t value, std::int64_t least) {
  if (value < least) throw ConfigError(fmt::format("{}: must be at least {}, not {}", option, least, value));
}

// Scores that a scale is multiplied with, separated by a space.
std::string scaled_scores() {
  std::string names;
  for (const StageSpec& spec : stage_specs()) {
    if (spec.kind == StageKind::score && spec.scaled) names += (names.empty() ? "" : " ") + spec.name;
  }
  return names;
}

bool is_listed(const std::string& model) {
  return std::ranges::find(model_specs(), model, &ModelSpec::name) != model_specs().end();
}

}  // namespace

Fields<ModelConfig> ModelConfig::fields() {
  std::vector<ValueNeed> needs;
  for (const ModelSpec& spec : model_specs()) needs.insert(needs.end(), spec.needs.begin(), spec.needs.end());
  static const std::string with_two_tables = model_names([](const ModelSpec& spec) { return spec.embeddings > 1; });
  static const std::string scaled = scaled_scores();
  static const std::string with_memory = model_names([](const ModelSpec& spec) { return spec.crosses; });
  static const std::string in_blocks =
      model_names([](const ModelSpec& spec) { return spec.kind == ModelKind::blocks; });
  static const std::string with_positions =
      model_names([](const ModelSpec& spec) { return spec.kind != ModelKind::recurrent; });
  static const std::string of_crossing_blocks =
      model_names([](const ModelSpec& spec) { return spec.kind == ModelKind::blocks && spec.crosses; });
  static const Condition has_blocks = one_of("model", in_blocks);
  static const std::string of_heads =
      "attention " + mixer_names([](const MixerSpec& spec) { return spec.reads != MixerReads::stream; });
  // Where there are heads: of attention, or of a mixer that has some.
  static const Conditions has_heads{one_of("mixer", of_heads), one_of("model", with_memory)};
  // Where there is attention at all.
  static const Conditions attends{one_of("mixer", "attention"), one_of("model", with_memory)};
  static const std::string turning = "attention " + mixer_names([](const MixerSpec& spec) { return spec.turns; });
  static const std::string not_causal = mixer_names([](const MixerSpec& spec) { return !spec.causal; });
  static const std::string reading_ahead =
      model_names([](const ModelSpec& spec) { return !spec.reads.has(Column::input); });
  static const std::string biases = stage_names(StageKind::bias);
  static const std::string inside = "rotary " + biases;
  std::vector<ValueNeed> of_positions = attention_needs("positions");
  of_positions.push_back({biases, one_of("mixer", "attention"), "it is added to scores, and there are none"});
  of_positions.push_back(
      {"rotary", one_of("mixer", turning), "products of turned queries and keys mean nothing to the others"});
  of_positions.push_back({inside, one_of("model", in_blocks), "it belongs to self-attention, and there is none"});
  static const std::string of_tokens = model_names([](const ModelSpec& spec) { return !spec.reads_features(); });
  static const std::string of_features = model_names([](const ModelSpec& spec) { return spec.reads_features(); });
  of_positions.push_back({"sinusoidal_2d", one_of("model", of_features), "others read no grid"});
  needs.push_back({of_tokens, none_of("task", "images"), "it reads tokens, and images have none"});
  needs.push_back({of_features, one_of("task", "images"), "it reads features, and others have none"});
  Fields<ModelConfig> fields{
      {&ModelConfig::model,
       {.name = "model",
        .choices = model_names([](const ModelSpec&) { return true; }),
        .help = "what the model is made of; `tapehead list` describes each",
        .when = "decoder is one stack of causal attention",
        .common = true,
        .gives_weights_meaning = true,
        .needs = std::move(needs)}},
      {&ModelConfig::layers,
       {.name = "layers",
        .range = {1, 1000},
        .help = "layers of the encoder and of the decoder each",
        .when = "more for harder tasks",
        .common = true}},
      {&ModelConfig::heads,
       {.name = "heads",
        .range = {1, 4096},
        .help = "attention heads of a layer",
        .when = "more see more at once; they must divide d-model unless d-head is set",
        .common = true,
        .gives_weights_meaning = true,
        .applies_when = has_heads}},
      {&ModelConfig::d_model,
       {.name = "d-model",
        .range = {1, 65536},
        .help = "width of the model",
        .unit = "channels",
        .when = "more for larger vocabularies",
        .common = true}},
      {&ModelConfig::d_head,
       {.name = "d-head",
        .range = {0, 65536},
        .help = "width of one head",
        .unit = "channels",
        .when = "set it to choose it apart from d-model",
        .zero = "d-model / heads",
        .gives_weights_meaning = true,
        .applies_when = has_heads}},
      {&ModelConfig::d_value,
       {.name = "d-value",
        .range = {0, 65536},
        .help = "width of one head's values",
        .unit = "channels",
        .when = "set it to choose it apart from that of its queries and keys",
        .zero = "as d-head",
        .applies_when = has_heads}},
      {&ModelConfig::d_ff,
       {.name = "d-ff",
        .range = {1, 1 << 20},
        .help = "inner width of the feed-forward layers",
        .unit = "channels",
        .when = "often 4 times d-model",
        .common = true,
        .applies_when = {one_of("feed-forward", "plain gated")}}},
      {&ModelConfig::positions,
       {.name = "positions",
        .choices = "sinusoidal learned none sinusoidal_2d rotary " + stage_names(StageKind::bias),
        .help = "how positions are told apart",
        .when = "none shows its worth; attend takes none unless this is given",
        .common = true,
        .gives_weights_meaning = true,
        .applies_when = {one_of("model", with_positions)},
        .needs = std::move(of_positions)}},
      {&ModelConfig::position_range,
       {.name = "position-range",
        .range = {0, 1e6},
        .help = "in training, the tokens of a sequence stand at positions drawn below this, sorted",
        .when = "set it to the longest sequences that are to come, to learn from shorter ones",
        .zero = "they stand at 0, 1, 2 …",
        .applies_when = {one_of("positions", "sinusoidal learned rotary")}}},
      {&ModelConfig::max_positions,
       {.name = "max-positions",
        .range = {0, 1e6},
        .help = "longest sequence that the model takes, in tokens with start and end",
        .when = "raise it to read longer lines later",
        .zero = "what the data needs",
        .zero_is_automatic = true,
        .applies_when = {one_of("model", of_tokens)}}},
      {&ModelConfig::norm,
       {.name = "norm",
        .choices = "pre post both none",
        .help = "norm before each part of a layer, after it is added, before and after the part, or nowhere",
        .when = "post, as first published, needs a warm-up; both keeps deep models calm",
        .gives_weights_meaning = true,
        .applies_when = {has_blocks}}},
      {&ModelConfig::norm_kind,
       {.name = "norm-kind",
        .choices = "layer rms",
        .help = "layer norm, or root mean square norm",
        .when = "rms is cheaper, and common in newer models",
        .gives_weights_meaning = true,
        .applies_when = {one_of("norm", "pre post both"), on("embedding-norm")}}},
      {&ModelConfig::scale,
       {.name = "scale",
        .kind = OptionKind::formula,
        .choices = "inv_sqrt_dk none inv_dk inv_sqrt_dmodel learned",
        .help = "what attention scores are multiplied by",
        .when = "none shows what it is for; learned: each head its own",
        .common = true,
        .gives_weights_meaning = true,
        .applies_when = {one_of("score", scaled)}}},
  };
  for (Field<ModelConfig>& part : nested(&ModelConfig::feed_forward)) {
    if (!part.option.applies_when.front().exists()) part.option.applies_when = {has_blocks};
    fields.push_back(std::move(part));
  }
  for (Field<ModelConfig>& block : nested(&ModelConfig::block)) {
    if (!block.option.applies_when.front().exists()) block.option.applies_when = {has_blocks};
    // One part alone has nothing to be parallel to.
    if (block.option.name == "residual") {
      block.option.applies_when = {one_of("feed-forward", "plain gated"), one_of("model", of_crossing_blocks)};
    }
    fields.push_back(std::move(block));
  }
  for (Field<ModelConfig>& head : nested(&ModelConfig::head)) {
    head.option.applies_when = attends;
    if (head.option.name == "projection-bias") head.option.applies_when = has_heads;  // all projections can have some
    fields.push_back(std::move(head));
  }
  for (Field<ModelConfig>& stage : nested(&ModelConfig::stages)) {
    if (!stage.option.applies_when.front().exists()) stage.option.applies_when = attends;
    fields.push_back(std::move(stage));
  }
  for (Field<ModelConfig>& turn : nested(&ModelConfig::rotary)) fields.push_back(std::move(turn));
  const Fields<ModelConfig> rest{
      {&ModelConfig::mixer,
       {.name = "mixer",
        .choices = "attention " + mixer_names(),
        .help = "how the positions of a sequence hear of each other; see `tapehead list mixers`",
        .when = "others than attention take time and memory linear in the length, but for fourier",
        .gives_weights_meaning = true,
        .applies_when = {has_blocks},
        .needs = {ValueNeed{not_causal, one_of("model", reading_ahead),
                            "it reads all of a sequence at once, and no target can be written so"}}}},
      {&ModelConfig::attention_mask,
       {.name = "attention-mask",
        .kind = OptionKind::text,
        .help = "what self-attention sees of what it may: terms joined by & and |, as \"window(127) | prefix(4)\"; "
                "`tapehead attend --help` lists them",
        .when = "a window takes time linear in the length",
        .gives_weights_meaning = true,
        .applies_when = {one_of("mixer", "attention")}}},
      {&ModelConfig::attention,
       {.name = "attention",
        .choices = "auto whole tiled composed",
        .help = "how attention is computed",
        .when = "tiled takes memory linear in the length, and auto takes it for long sequences; composed is slow, of "
                "simple ops alone",
        .applies_when = attends,
        .needs = attention_needs("attention")}},
      {&ModelConfig::initialisation,
       {.name = "initialisation",
        .choices = "xavier kaiming normal xavier_normal kaiming_uniform",
        .help = "law that the first weights are drawn by; xavier is uniform, kaiming normal, unless it says otherwise",
        .when = "try another where training starts badly",
        .applies_when = {off("init")}}},
  };
  fields.insert(fields.end(), rest.begin(), rest.end());
  for (Field<ModelConfig>& drawn : nested(&ModelConfig::draw)) {
    if (drawn.option.name == "residual-init") {
      drawn.option.needs = {ValueNeed{"scaled", has_blocks, "other models have no parts that are added to a stream"}};
    }
    fields.push_back(std::move(drawn));
  }
  const Fields<ModelConfig> ends{
      {&ModelConfig::embedding_scale,
       {.name = "embedding-scale",
        .choices = "auto none sqrt_dmodel",
        .help = "what embeddings are multiplied by where they are looked up",
        .when = "auto: by the root of d-model, for which they are drawn, unless initialisation is normal",
        .gives_weights_meaning = true,
        .applies_when = {one_of("model", of_tokens)}}},
      {&ModelConfig::output_bias,
       {.name = "output-bias",
        .choices = "yes no",
        .help = "whether the projection on the vocabulary has biases",
        .when = "no is common in newer models"}},
      {&ModelConfig::tie,
       {.name = "tie",
        .choices = "none output all",
        .help = "embedding tables to share: target embeddings and output, or these and source embeddings",
        .when = "saves parameters",
        .gives_weights_meaning = true,
        .applies_when = {one_of("model", of_tokens)},
        .needs = {ValueNeed{"all", one_of("model", with_two_tables),
                            "no other has source and target embeddings; choose output"}}}},
      {&ModelConfig::pooling,
       {.name = "pooling",
        .choices = "first mean",
        .help = "what says the class of an image: a class token before its patches, or the mean of these",
        .when = "mean needs no token more, and often learns faster",
        .applies_when = {one_of("model", of_features)}}},
      {&ModelConfig::dropout,
       {.name = "dropout",
        .range = NumberRange::share(),
        .help = "share of activations dropped in training",
        .when = "raise it where validation gets worse and training better",
        .common = true}},
  };
  fields.insert(fields.end(), ends.begin(), ends.end());
  for (Field<ModelConfig>& drop : nested(&ModelConfig::drops)) {
    if (drop.option.name == "attention-dropout") {
      drop.option.applies_when = {one_of("mixer", "attention"), one_of("model", of_crossing_blocks)};
    }
    fields.push_back(std::move(drop));
  }
  for (Field<ModelConfig>& field : nested(&ModelConfig::recurrent)) fields.push_back(std::move(field));
  for (Field<ModelConfig>& field : nested(&ModelConfig::convolution)) fields.push_back(std::move(field));
  return fields;
}

void check_config(const ModelConfig& config) { check_config(config, model_spec(config.model)); }

void check_config(const ModelConfig& config, const ModelSpec& spec) {
  ModelConfig listed = config;
  if (!is_listed(config.model)) listed.model = ModelConfig{}.model;  // a family of one's own, given as a spec
  check_fields(listed);
  require_at_least("max-positions", config.max_positions, 1);
  require_at_least("target vocabulary", config.target_vocabulary, kFirstFreeId);
  if (config.position_range > 0 && config.position_range < config.max_positions) {
    throw ConfigError(
        fmt::format("position-range: {} are fewer than the {} positions of max-positions; take at least these",
                    config.position_range, config.max_positions));
  }
  if (config.block.distinct_layers >= std::max<std::int64_t>(config.layers, 1)) {
    throw ConfigError(
        fmt::format("distinct-layers: {} must be fewer than all layers, of which there {} {}; take fewer, or 0",
                    config.block.distinct_layers, config.layers == 1 ? "is" : "are", config.layers));
  }
  if (config.block.value_residual != "none" && config.layers == 1) {
    throw ConfigError(
        fmt::format("value-residual: {} mixes values with those of the first layer, and there is no other",
                    config.block.value_residual));
  }
  if (config.positions == "sinusoidal_2d" && !spec.reads_features()) {
    throw ConfigError(
        fmt::format("positions: sinusoidal_2d is for models that read a grid, and {} reads none", spec.name));
  }
  spec.check(config);
  if (spec.kind == ModelKind::blocks && spec.reads.has(Column::input) && config.mixer != "attention" &&
      !find_mixer(config.mixer).causal) {
    throw ConfigError(
        fmt::format("mixer: {} reads all of a sequence at once, and model {} writes one token after "
                    "another; choose another mixer, or model encoder",
                    config.mixer, config.model));
  }
  require_shared_evenly(config.head, config.heads);
  mask_of_positions(config.attention_mask);
  if (spec.kind != ModelKind::blocks && !spec.crosses) return;  // it has no heads
  const std::int64_t width = head_width(config);
  const StageSpec* mixing = chosen_stage(StageKind::mixing, config.stages.mixing);
  if (mixing != nullptr && width % mixing->parts != 0) {
    throw ConfigError(
        fmt::format("head-mixing: {} cuts the queries of a head in {}, and their {} cannot be; set d-head",
                    mixing->name, mixing->parts, counted(width, "channel")));
  }
}

bool reads_features(const ModelConfig& config) { return model_spec(config.model).reads_features(); }

std::int64_t positions_of_features(const ModelConfig& config) {
  return config.features.positions() + (config.pooling == "first" ? 1 : 0);
}

void require_source_vocabulary(const ModelConfig& config) {
  require_at_least("source vocabulary", config.source_vocabulary, kFirstFreeId);
}

void require_same_vocabularies(const ModelConfig& config, const std::string& tie, const std::string& instead) {
  if (config.source_vocabulary == config.target_vocabulary) return;
  throw ConfigError(fmt::format("tie: {} needs the same words in source and target, which have {} and {}; choose {}",
                                tie, config.source_vocabulary, config.target_vocabulary, instead));
}

std::int64_t head_width(const ModelConfig& config) {
  if (config.d_head > 0) return config.d_head;
  if (config.mixer != "attention" && find_mixer(config.mixer).reads == MixerReads::stream) return config.d_model;
  if (config.d_model % config.heads != 0) {
    throw ConfigError(fmt::format("heads: {} heads do not divide d-model {}; choose a divisor, or set d-head",
                                  config.heads, config.d_model));
  }
  return config.d_model / config.heads;
}

std::string embedding_scale(const std::string& chosen, const std::string& initialisation) {
  if (chosen != "auto") return chosen;
  return initialisation == "normal" ? "none" : "sqrt_dmodel";
}

std::int64_t positions_told_apart(const ModelConfig& config) {
  return std::max(config.max_positions, config.position_range);
}

bool ties_output(const ModelConfig& config) { return config.tie != "none"; }
bool ties_source(const ModelConfig& config) { return config.tie == "all"; }

}  // namespace tapehead
