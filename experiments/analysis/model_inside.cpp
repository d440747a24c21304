#include "experiments/analysis/model_inside.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "autograd/base/counted.hpp"
#include "autograd/tape.hpp"
#include "datasets/batch.hpp"
#include "layers/pass.hpp"
#include "layers/probe.hpp"

namespace tapehead {
namespace {

// What looks a row up, or adds it, multiplies nothing.
const std::set<std::string> kNoProducts{"embedding", "add_broadcast", "bucket_line", "table_bias"};
const std::set<std::string> kStates{"causal_linear_attention", "delta_rule", "gated_linear_attention",
                                    "linear_attention", "retention"};

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

// The smallest model of the kind, whose weights are never zero but where the mask says so.
Model smallest_like(const Model& model, std::int64_t source, std::int64_t target) {
  ModelConfig config = model.config();
  config.layers = 1;
  config.block.distinct_layers = 0;
  config.block.value_residual = "none";
  config.heads = 1;
  config.head.key_heads = 0;
  config.d_model = 4;
  config.d_head = 2;
  config.d_value = 0;
  config.d_ff = 2;
  config.dropout = 0;
  config.position_range = 0;
  config.rotary.share = 1;
  config.stages.normalizer = "softmax";
  config.stages.mixing = "none";
  config.recurrent.input_feeding = "no";  // all positions attend at once
  config.max_positions = source + target + 4;
  config.source_vocabulary = std::min<std::int64_t>(config.source_vocabulary, kFirstFreeId + 1);
  config.target_vocabulary = std::min<std::int64_t>(config.target_vocabulary, kFirstFreeId + 1);
  return Model(config, model.spec());
}

// Notes which parameters take part in products, and which module has a state in place of weights.
class ProductWatch final : public TapeObserver<float> {
 public:
  explicit ProductWatch(const ParameterStore<float>& store) : store_(store) {}

  void on_record(Var<float> y, std::span<const Var<float>> inputs) override {
    for (const Var<float>& input : inputs) {
      const ParameterRange* range = input ? range_of(input.data()) : nullptr;
      if (range == nullptr) continue;
      last_ = range->name;
      const bool matrix = range->shape.rows > 1 && range->shape.columns > 1;
      if (matrix && !kNoProducts.contains(y.op())) multiplied_.insert(range->name);
    }
    // "decoder.layers.0.mixer" of "decoder.layers.0.mixer.value.weight", the parameter that was used last.
    if (kStates.contains(y.op())) states_.insert(last_.substr(0, last_.rfind('.', last_.rfind('.') - 1)));
  }

  bool multiplies(const std::string& parameter) const { return multiplied_.contains(in_first_layer(parameter)); }
  const std::set<std::string>& states() const { return states_; }

 private:
  const ParameterRange* range_of(const float* data) const {
    const std::int64_t offset = data - store_.values().data();
    const auto& ranges = store_.layout().ranges();
    const auto at = std::ranges::find(ranges, offset, &ParameterRange::offset);
    return at == ranges.end() ? nullptr : &*at;
  }

  const ParameterStore<float>& store_;
  std::string last_;
  std::set<std::string> multiplied_, states_;
};

// What the weights (K, Q, 1) of one example are above zero for.
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
  Batch batch(model.reads_source() ? BatchLayout::encoder_decoder : BatchLayout::decoder_only);
  batch.reserve(1, source, target);
  batch.append(std::vector<std::int32_t>(static_cast<std::size_t>(source), kFirstFreeId),
               std::vector<std::int32_t>(static_cast<std::size_t>(target), kFirstFreeId));
  Tape<float> tape(store);
  tape.set_observer(&observer);
  const BatchView view({.source = batch.source(), .input = batch.input()}, {Column::source, Column::input},
                       "the example", 1, 0);
  model.logits(tape, view, Pass{.probe = &probe});
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
  ParameterStore<float> zeros(small.layout());
  ProductWatch watch(zeros);
  ModelInside inside;
  const ProbeAt probe({What::weights}, [&](const Site& site, Var<float> weights) {
    inside.attentions.push_back({.layer = site.layer, .allowed = allowed_by(weights)});
  });
  run(small, source, target, zeros, watch, probe);

  for (const ParameterRange& range : model.layout().ranges()) {
    if (!watch.multiplies(range.name)) continue;
    inside.operations[range.name] = 2.0 * static_cast<double>(range.shape.size()) * uses_of(range.name, config);
  }
  // A state is looked into as weights when somebody asks for them; here it is none.
  std::erase_if(inside.attentions, [&](const AttentionInside& each) { return watch.states().contains(each.layer); });
  for (AttentionInside& each : inside.attentions) {
    const auto pairs = static_cast<double>(std::ranges::count(each.allowed.values, 1.0));
    each.operations = 2.0 * static_cast<double>(config.heads * (head_width(config) + value_width(config))) * pairs /
                      static_cast<double>(each.allowed.rows);
  }
  for (const std::string& layer : watch.states()) {
    const double numbers = static_cast<double>(config.heads * head_width(config) * value_width(config));
    inside.attentions.push_back({.layer = layer, .operations = 4 * numbers, .allowed = Matrix(0, 0)});
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
  if (config.positions != "sinusoidal" && config.positions != "learned" && config.positions != "none") {
    parts.push_back(config.positions);
  }
  if (config.stages.mixing != "none") parts.push_back(config.stages.mixing);
  parts.push_back(config.stages.normalizer);
  if (config.stages.gate != "none") parts.push_back("gate " + config.stages.gate);
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace tapehead
