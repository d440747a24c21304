#include "experiments/analysis/model_inside.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <set>

#include "autograd/base/counted.hpp"
#include "autograd/tape.hpp"
#include "datasets/batch.hpp"
#include "layers/pass.hpp"
#include "layers/probe.hpp"

namespace tapehead {
namespace {

// What looks a row up, cuts it out or adds it multiplies nothing; the direction of additive scores is counted with the
// scores, whose product it is.
const std::set<std::string> kNoProducts{"additive_score", "add_broadcast", "bucket_line",
                                        "embedding",      "slice",         "table_bias"};
// Mixers, by how many products with the state a position takes: what a key recalls of it, what is added, what is read.
const std::map<std::string, double> kStates{{"causal_linear_attention", 2}, {"cumulative_mean", 0},  {"delta_rule", 3},
                                            {"gated_linear_attention", 2},  {"linear_attention", 2}, {"retention", 2}};

// What is multiplied by a parameter, for a column of what its layer reads.
enum class Multiplied {
  columns,  // the column itself
  heads,    // the query of each head
  pairs,    // the scores of each key, in all heads
};
Multiplied multiplied_by(const std::string& op) {
  if (op == "relative_scores") return Multiplied::heads;
  return op == "mix_heads" ? Multiplied::pairs : Multiplied::columns;
}

std::int64_t value_width(const ModelConfig& config) { return config.d_value > 0 ? config.d_value : head_width(config); }

// "encoder.layers.3.norm" → "encoder.layers.0.norm".
std::string in_first_layer(std::string path) {
  constexpr std::string_view kLayers = "layers.";
  const std::size_t begin = path.find(kLayers);
  if (begin == std::string::npos) return path;
  const std::size_t number = begin + kLayers.size();
  return path.replace(number, path.find('.', number) - number, "0");
}

// How often a pass uses a parameter: layers that share parameters take turns.
double uses_of(const std::string& name, const ModelConfig& config) {
  constexpr std::string_view kLayers = "layers.";
  const std::int64_t distinct = config.block.distinct_layers;
  const std::size_t begin = name.find(kLayers);
  if (distinct == 0 || begin == std::string::npos) return 1;
  const std::int64_t number = std::stoll(name.substr(begin + kLayers.size()));
  return static_cast<double>((config.layers - number + distinct - 1) / distinct);
}

// The smallest model of the kind in which every matrix has two columns at least. Its attention weights are never zero
// but where the mask says so.
Model smallest_like(const Model& model, std::int64_t source, std::int64_t target) {
  ModelConfig config = model.config();
  config.layers = 1;
  config.block.distinct_layers = 0;
  config.block.value_residual = "none";
  config.heads = 2;
  config.head.key_heads = 0;
  config.d_model = 4;
  config.d_head = 2;
  config.d_value = 0;
  config.d_ff = 2;
  config.dropout = 0;
  config.position_range = 0;
  config.rotary.share = 1;
  config.stages.normalizer = "softmax";
  config.scale = "none";
  config.recurrent.input_feeding = "no";  // all positions attend at once
  config.max_positions = model.spec().reads_features() ? config.max_positions : source + target + 4;
  config.source_vocabulary = std::min<std::int64_t>(config.source_vocabulary, kFirstFreeId + 1);
  config.target_vocabulary = std::min<std::int64_t>(config.target_vocabulary, kFirstFreeId + 1);
  return Model(config, model.spec());
}

// The values that are no draw: without the others all scores are zero but for what biases by place say.
void set_constants(ParameterStore<float>& store) {
  store.initialise(0);
  for (const ParameterRange& range : store.layout().ranges()) {
    const Initialisation::Law law = range.initialisation.law;
    if (law == Initialisation::Law::uniform || law == Initialisation::Law::normal) {
      std::ranges::fill(store.values(range), 0.0F);
    }
  }
}

// Notes which parameters take part in products, and which module has a state in place of weights.
class ProductWatch final : public TapeObserver<float> {
 public:
  explicit ProductWatch(const ParameterStore<float>& store) : store_(store) {}

  void on_record(Var<float> y, std::span<const Var<float>> inputs) override {
    for (const Var<float>& input : inputs) {
      if (input) note(y.op(), input.data());
    }
    // "decoder.layers.0.mixer" of "decoder.layers.0.mixer.value.weight", the parameter that was used last.
    const auto state = kStates.find(y.op());
    if (state != kStates.end()) states_[last_.substr(0, last_.rfind('.', last_.rfind('.') - 1))] += state->second;
  }

  std::optional<Multiplied> multiplied(const std::string& parameter) const {
    const auto found = multiplied_.find(in_first_layer(parameter));
    return found == multiplied_.end() ? std::nullopt : std::optional(found->second);
  }
  // By layer, how many products with its state it takes.
  const std::map<std::string, double>& states() const { return states_; }

 private:
  // Ranges that were declared together are one leaf.
  void note(const char* op, const float* leaf) {
    const std::int64_t offset = leaf - store_.values().data();
    const auto blocks = store_.layout().blocks();
    const auto block = std::ranges::find(blocks, offset, &ParameterLayout::Block::offset);
    if (block == blocks.end()) return;
    for (const ParameterRange& range : store_.layout().ranges()) {
      if (range.offset < block->offset || range.offset >= block->offset + block->shape.size()) continue;
      last_ = range.name;
      const bool matrix = range.shape.rows > 1 && range.shape.columns > 1;
      if (matrix && !kNoProducts.contains(op)) multiplied_.emplace(range.name, multiplied_by(op));
    }
  }

  const ParameterStore<float>& store_;
  std::string last_;
  std::map<std::string, Multiplied> multiplied_;
  std::map<std::string, double> states_;
};

// What the weights (K, Q, H) of one example are not zero for.
Matrix allowed_by(Var<float> weights) {
  const auto [keys, queries, heads] = weights.shape();
  Matrix allowed(queries, keys);
  for (std::int64_t q = 0; q < queries; ++q) {
    for (std::int64_t k = 0; k < keys; ++k) allowed(q, k) = weights.data()[k + keys * q] == 0 ? 0 : 1;
  }
  return allowed;
}

void run(const Model& model, std::int64_t source, std::int64_t target, ParameterStore<float>& store,
         TapeObserver<float>& observer, const Probe& probe) {
  Tape<float> tape(store);
  tape.set_observer(&observer);
  if (model.spec().reads_features()) {
    const FeatureGrid& grid = model.config().features;
    const std::vector<float> numbers(static_cast<std::size_t>(grid.channels * grid.positions()));
    const auto positions = static_cast<std::int32_t>(grid.positions());
    const FeatureView features{numbers.data(), &positions, grid.channels, positions, positions, 1};
    const BatchView view({.features = features}, {Column::features}, "the example", 1, 0);
    model.logits(tape, view, Pass{.probe = &probe});
    return;
  }
  Batch batch(model.reads_source() ? BatchLayout::encoder_decoder : BatchLayout::decoder_only);
  batch.reserve(1, source, target);
  batch.append(std::vector<std::int32_t>(static_cast<std::size_t>(source), kFirstFreeId),
               std::vector<std::int32_t>(static_cast<std::size_t>(target), kFirstFreeId));
  const BatchView view({.source = batch.source(), .input = batch.input()}, {Column::source, Column::input},
                       "the example", 1, 0);
  model.logits(tape, view, Pass{.probe = &probe});
}

// Keys that a query of this attention may attend, on average.
double keys_of(const AttentionInside& attention) {
  return static_cast<double>(std::ranges::count(attention.allowed.values, 1.0)) /
         static_cast<double>(attention.allowed.rows);
}

// How many columns a pass multiplies a parameter by, for each that its layer reads.
double times(Multiplied what, const std::string& parameter, const ModelConfig& config, const ModelInside& first) {
  if (what == Multiplied::columns) return 1;
  if (what == Multiplied::heads) return static_cast<double>(config.heads);
  const std::string path = in_first_layer(parameter);
  const auto attention = std::ranges::find_if(
      first.attentions, [&](const AttentionInside& each) { return path.starts_with(each.layer + "."); });
  return attention == first.attentions.end() ? 0 : keys_of(*attention);
}

// Of every layer what was seen of the first.
void repeat_over_layers(ModelInside& inside, std::int64_t layers) {
  const std::vector<AttentionInside> first = std::move(inside.attentions);
  inside.attentions.clear();
  for (const AttentionInside& each : first) {
    const std::size_t number = each.layer.find("layers.0.");
    for (std::int64_t i = 0; i < (number == std::string::npos ? 1 : layers); ++i) {
      AttentionInside& copy = inside.attentions.emplace_back(each);
      if (number != std::string::npos) copy.layer.replace(number, 9, fmt::format("layers.{}.", i));
    }
  }
}

}  // namespace

ModelInside model_inside(const Model& model, std::int64_t source, std::int64_t target) {
  const ModelConfig& config = model.config();
  const Model small = smallest_like(model, source, target);
  ParameterStore<float> constants(small.layout());
  set_constants(constants);
  ProductWatch watch(constants);
  ModelInside inside;
  const ProbeAt probe({What::weights}, [&](const Site& site, Var<float> weights) {
    inside.attentions.push_back({.layer = site.layer, .allowed = allowed_by(weights)});
  });
  run(small, source, target, constants, watch, probe);

  // A state is looked into as weights when somebody asks for them; here it is none.
  std::erase_if(inside.attentions, [&](const AttentionInside& each) { return watch.states().contains(each.layer); });
  for (const ParameterRange& range : model.layout().ranges()) {
    const std::optional<Multiplied> what = watch.multiplied(range.name);
    if (!what) continue;
    inside.operations[range.name] = 2.0 * static_cast<double>(range.shape.size()) * uses_of(range.name, config) *
                                    times(*what, range.name, config, inside);
  }
  for (AttentionInside& each : inside.attentions) {
    each.operations =
        2.0 * static_cast<double>(config.heads * (head_width(config) + value_width(config))) * keys_of(each);
  }
  for (const auto& [layer, products] : watch.states()) {
    const double numbers = static_cast<double>(config.heads * head_width(config) * value_width(config));
    inside.attentions.push_back({.layer = layer, .operations = 2 * products * numbers, .allowed = Matrix(0, 0)});
  }
  repeat_over_layers(inside, config.layers);
  return inside;
}

std::string heads_text(const ModelConfig& config) {
  return fmt::format("{} of {}", counted(config.heads, "head"), head_width(config));
}

std::string stages_text(const ModelConfig& config) {
  const std::int64_t width = head_width(config);
  std::vector<std::string> parts{heads_text(config)};
  if (config.head.key_heads > 0 && config.head.key_heads != config.heads) {
    parts.push_back(fmt::format("{} of keys", config.head.key_heads));
  }
  if (config.d_value > 0 && config.d_value != width) parts.push_back(fmt::format("values of {}", config.d_value));
  parts.push_back(config.stages.score);
  parts.push_back(config.scale);
  if (config.stages.cap > 0) parts.push_back(fmt::format("cap {:g}", config.stages.cap));
  if (!config.positions.starts_with("sinusoidal") && config.positions != "learned" && config.positions != "none") {
    parts.push_back(config.positions);
  }
  if (config.stages.mixing != "none") parts.push_back(config.stages.mixing);
  parts.push_back(config.stages.normalizer);
  if (config.stages.gate != "none") parts.push_back("gate " + config.stages.gate);
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace tapehead
