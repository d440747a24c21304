#include "layers/attention/attention_stages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autograd/base/errors.hpp"
#include "autograd/ops/distance_bias.hpp"
#include "autograd/ops/dropout.hpp"
#include "autograd/ops/masked_softmax.hpp"
#include "autograd/ops/matmul.hpp"
#include "autograd/ops/merge_heads.hpp"
#include "autograd/ops/repeat_slices.hpp"
#include "autograd/ops/scale.hpp"
#include "autograd/ops/scale_heads.hpp"
#include "autograd/ops/slice.hpp"
#include "autograd/ops/split_heads.hpp"
#include "autograd/ops/tanh.hpp"
#include "layers/attention/combinations.hpp"
#include "layers/attention/stage_choices.hpp"

namespace tapehead {
namespace {

// Rows of a block as a variable of their own.
template <Scalar T>
Var<T> rows_of(const RowBlock<T>& block) {
  if (block.first_row == 0 && block.rows == block.x.shape().rows) return block.x;
  return slice(block.x, Axis::rows, block.first_row, block.rows);
}

bool is_product(const AttentionStages& stages) { return stages.score == nullptr || !stages.score->apply; }

// Query and key as the score wants them before heads are split. A learned scale of products goes into the queries.
template <Scalar T>
StageOperands<T> prepared(const AttentionStages& stages, StageOperands<T> in, const Mask& mask) {
  if (stages.score != nullptr && stages.score->query) {
    const StageInput<T> input{.sizes = stages.scoring(),
                              .mask = mask,
                              .parameters = in.score,
                              .query = rows_of(in.query),
                              .key = rows_of(in.key)};
    in.query = RowBlock<T>::all(stages.score->query(input));
    in.key = RowBlock<T>::all(stages.score->key(input));
  }
  if (in.scale && is_product(stages)) {
    in.query = RowBlock<T>::all(scale_heads(rows_of(in.query), in.scale, HeadsIn::rows));
  }
  return in;
}

// Keys or values (D, K, H·B) of the heads of queries, each shared by neighbours.
template <Scalar T>
Var<T> split_keys(const RowBlock<T>& block, const HeadSizes& sizes) {
  const Var<T> split = split_heads(rows_of(block), sizes.of_keys());
  return sizes.of_keys() == sizes.heads ? split : repeat_slices(split, sizes.heads / sizes.of_keys());
}

template <Scalar T>
Var<T> composed(const AttentionStages& stages, const StageOperands<T>& in, const Mask& mask, const Pass& pass,
                const AttentionPlace& place) {
  const std::int64_t heads = stages.sizes.heads;
  const HeadSizes scoring = stages.scoring();
  const auto show = [&](What what, std::int64_t of, Var<T> x) {
    return pass.shown({place.path, place.role, what, of}, x);
  };
  Var<T> key = split_keys(in.key, stages.sizes);
  if (scoring.heads > heads) key = split_heads(key, scoring.heads / heads);  // parts of shared keys are shared too
  StageInput<T> at{.sizes = scoring,
                   .mask = mask,
                   .parameters = in.score,
                   .query = split_heads(rows_of(in.query), scoring.heads),
                   .key = key,
                   .numbers = stages.numbers,
                   .scale = in.scale ? 1 : stages.scale,
                   .both_ways = place.role != AttentionRole::causal,
                   .first_query = in.first_query,
                   .of_keys = in.of_keys};
  at.scores = is_product(stages) ? matmul(at.key, at.query, Transpose::yes) : stages.score->apply(at);
  if (stages.score == nullptr || stages.score->scaled) {
    if (!in.scale) at.scores = scale(at.scores, stages.scale);
    if (in.scale && !is_product(stages)) at.scores = scale_heads(at.scores, in.scale, HeadsIn::slices);
  }
  if (stages.cap > 0) at.scores = scale(tanh(scale(at.scores, 1 / stages.cap)), stages.cap);
  at.parameters = in.mixing;
  if (stages.mixing != nullptr && stages.mixing->before) at.scores = stages.mixing->before(at);
  if (stages.bias != nullptr) {
    at.parameters = in.bias;
    at.scores = stages.bias->line
                    ? distance_bias(at.scores, stages.bias->line(at), at.distances().least, at.first_query)
                    : stages.bias->apply(at);
  }
  at.scores = show(What::scores, scoring.heads, at.scores);
  at.parameters = in.normalizer;
  at.scores =
      stages.normalizer != nullptr ? stages.normalizer->apply(at) : masked_softmax(at.scores, mask, scoring.heads);
  at.parameters = in.mixing;
  if (stages.mixing != nullptr) at.scores = stages.mixing->apply(at);
  Var<T> weights = show(What::weights, heads, at.scores);
  if (pass.training && stages.dropout > 0) {
    weights = dropout(weights, stages.dropout, pass.dropout_stream(place.site), pass.first_example, heads);
  }
  return merge_heads(matmul(split_keys(in.value, stages.sizes), weights), heads);
}

}  // namespace

namespace {

// Of each kind: its name, the option that chooses it, and where people's choice and the stage itself are kept.
struct KindFacts {
  const char *name, *option;
  std::string StageChoices::*choice;
  const StageSpec* AttentionStages::*stage;
  bool can_be_left_out;
};
constexpr KindFacts kKinds[kStageKinds] = {
    {"score", "score", &StageChoices::score, &AttentionStages::score, false},
    {"bias", "positions", &StageChoices::bias, &AttentionStages::bias, true},
    {"mixing", "head-mixing", &StageChoices::mixing, &AttentionStages::mixing, true},
    {"normalizer", "normalizer", &StageChoices::normalizer, &AttentionStages::normalizer, false},
    {"gate", "head-gate", &StageChoices::gate, &AttentionStages::gate, true},
};
const KindFacts& facts_of(StageKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

}  // namespace

const char* name_of(StageKind kind) { return facts_of(kind).name; }
const char* option_of(StageKind kind) { return facts_of(kind).option; }

const StageSpec*& AttentionStages::of(StageKind kind) { return this->*facts_of(kind).stage; }

HeadSizes AttentionStages::scoring() const {
  if (mixing == nullptr || mixing->parts == 1) return sizes;
  HeadSizes scoring = sizes;
  scoring.heads *= mixing->parts;
  scoring.key_heads *= mixing->parts;
  scoring.key_width /= mixing->parts;
  return scoring;
}

std::vector<std::size_t> PlainStage::by_score(const std::vector<Number>& scores) const {
  std::vector<std::size_t> order;
  for (std::size_t k = 0; k < scores.size(); ++k) {
    if (allowed[k]) order.push_back(k);
  }
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return scores[a].real() > scores[b].real(); });
  return order;
}

std::vector<PlainStage::Number> PlainStage::softmax(std::vector<Number> scores, const Number* sink) const {
  double largest = sink != nullptr ? sink->real() : -HUGE_VAL;
  for (std::size_t k = 0; k < scores.size(); ++k) {
    if (allowed[k]) largest = std::max(largest, scores[k].real());
  }
  Number total = sink != nullptr ? std::exp(*sink - largest) : 0;
  for (std::size_t k = 0; k < scores.size(); ++k) {
    scores[k] = allowed[k] ? std::exp(scores[k] - largest) : 0;
    total += scores[k];
  }
  for (auto& each : scores) each = each == 0.0 ? 0 : each / total;
  return scores;
}

std::string& choice_of(StageChoices& choices, StageKind kind) { return choices.*facts_of(kind).choice; }

const StageSpec* chosen_stage(StageKind kind, const std::string& name) {
  return facts_of(kind).can_be_left_out && name == "none" ? nullptr : &find_stage(kind, name);
}

const StageSpec& find_stage(StageKind kind, const std::string& name) {
  for (const StageSpec& spec : stage_specs()) {
    if (spec.kind == kind && spec.name == name) return spec;
  }
  std::string names = stage_names(kind);
  for (std::size_t at = 0; (at = names.find(' ', at)) != std::string::npos; at += 2) names.replace(at, 1, ", ");
  throw ConfigError(fmt::format("{}: \"{}\" is none of {}", name_of(kind), name, names));
}

std::string stage_names(StageKind kind) {
  std::string names;
  for (const StageSpec& spec : stage_specs()) {
    if (spec.kind == kind) names += (names.empty() ? "" : " ") + spec.name;
  }
  return names;
}

AttentionKernel parse_attention_kernel(const std::string& text) {
  if (text == "auto") return AttentionKernel::automatic;
  for (const KernelAbilities& each : kKernels) {
    if (text == each.name) return each.kernel;
  }
  throw ConfigError(fmt::format("attention: \"{}\" is none of auto, whole, tiled, composed", text));
}

namespace {

// What of these stages a kernel cannot take, "score additive"; empty if there is nothing.
std::string lacking(const KernelAbilities& kernel, const AttentionStages& stages) {
  const auto named = [](const StageSpec& stage) { return fmt::format("{} {}", option_of(stage.kind), stage.name); };
  if (stages.score != nullptr && stages.score->apply && !kernel.other_scores) return named(*stages.score);
  if (stages.cap > 0 && !kernel.caps) return fmt::format("score-cap {}", stages.cap);
  if (stages.bias != nullptr && !(stages.bias->line ? kernel.lines : kernel.other_biases)) return named(*stages.bias);
  if (stages.normalizer != nullptr && stages.normalizer->name != "softmax") {
    const bool sink = stages.normalizer->sink != StageSpec::Sink::none;
    if (!(sink ? kernel.sinks : kernel.other_normalizers)) return named(*stages.normalizer);
  }
  if (stages.mixing != nullptr && !kernel.mixes_heads) return named(*stages.mixing);
  return "";
}

}  // namespace

bool takes(const KernelAbilities& kernel, const AttentionStages& stages) { return lacking(kernel, stages).empty(); }

AttentionKernel choose_kernel(const AttentionStages& stages) {
  require_combination(stages);
  const bool automatic = stages.kernel == AttentionKernel::automatic;
  for (const KernelAbilities& kernel : kKernels) {
    if (automatic ? kernel.kernel == AttentionKernel::composed : kernel.kernel != stages.kernel) continue;
    const std::string stage = lacking(kernel, stages);
    if (stage.empty()) return stages.kernel;
    if (automatic) continue;
    throw ConfigError(fmt::format("attention: {} cannot take {}; choose auto or composed", kernel.name, stage));
  }
  return AttentionKernel::composed;
}

namespace {

// A head would get weights of keys that another one may attend, and it not.
void require_same_for_heads(const AttentionStages& stages, const Mask& mask, const Shape& query, std::int64_t keys) {
  for (std::int64_t n = 0; n < query.points(); ++n) {
    const std::int64_t example = n / query.columns;
    for (std::int64_t h = 1; h < stages.sizes.heads; ++h) {
      for (std::int64_t k = 0; k < keys; ++k) {
        const std::int64_t q = n % query.columns;
        if (mask.allows({example, h, keys}, q, k) == mask.allows({example, 0, keys}, q, k)) continue;
        throw ConfigError(fmt::format(
            "attention: head-mixing {} takes a mask that is the same for all heads, and heads 0 and {} differ at query "
            "{} and key {}",
            stages.mixing->name, h, q, k));
      }
    }
  }
}

// By the fused kernels. A probe that only looks is shown weights that are a constant.
template <Scalar T>
Var<T> fused(const AttentionStages& stages, const StageOperands<T>& in, const Mask& mask, const Pass& pass,
             const AttentionPlace& place, bool watched) {
  const std::int64_t heads = stages.sizes.heads;
  ScoreTerms<T> terms{.first = in.first_query};
  if (stages.bias != nullptr) {
    const StageInput<T> at{.sizes = stages.sizes,
                           .mask = mask,
                           .parameters = in.bias,
                           .query = in.query.x,
                           .key = in.key.x,
                           .numbers = stages.numbers,
                           .both_ways = place.role != AttentionRole::causal,
                           .first_query = in.first_query};
    terms.line = stages.bias->line(at);
    terms.least = at.distances().least;
  }
  const auto sink = stages.normalizer != nullptr ? stages.normalizer->sink : StageSpec::Sink::none;
  if (sink == StageSpec::Sink::learned) terms.sink = in.normalizer[0];
  const RandomStream random = pass.dropout_stream(place.site);
  const Attended<T> found = attention(in.query, in.key, in.value,
                                      {.heads = heads,
                                       .key_heads = stages.sizes.of_keys(),
                                       .scale = in.scale ? 1 : stages.scale,
                                       .cap = stages.cap,
                                       .mask = mask,
                                       .zero_sink = sink == StageSpec::Sink::zero,
                                       .dropout = pass.training ? stages.dropout : 0,
                                       .random = &random,
                                       .first_example = pass.first_example,
                                       .kernel = stages.kernel,
                                       .weights = watched},
                                      terms);
  if (watched) {
    const Shape& query = in.query.x.shape();
    const Shape map{in.key.x.shape().columns, query.columns, heads * query.slices};
    pass.shown({place.path, place.role, What::weights, heads}, in.query.x.tape().constant(map, found.weights));
  }
  return found.context;
}

}  // namespace

template <Scalar T>
Var<T> attend(const AttentionStages& stages, const StageOperands<T>& given, const Mask& mask, const Pass& pass,
              const AttentionPlace& place) {
  const std::int64_t heads = stages.sizes.heads;
  const auto at = [&](What what) { return Site{place.path, place.role, what, heads}; };
  if (stages.mixing != nullptr && mask.by_head()) {
    require_same_for_heads(stages, mask, given.query.x.shape(), given.key.x.shape().columns);
  }
  const StageOperands<T> in = prepared(stages, given, mask);
  const Probe* probe = pass.probe;
  const bool open = probe != nullptr && (probe->wants(at(What::scores)) || probe->replaces(at(What::weights)));
  const bool watched = probe != nullptr && probe->wants(at(What::weights));
  Var<T> context = open || stages.kernel == AttentionKernel::composed ? composed(stages, in, mask, pass, place)
                                                                      : fused(stages, in, mask, pass, place, watched);
  if (stages.gate != nullptr) {
    const StageInput<T> input{.sizes = stages.sizes,
                              .mask = mask,
                              .parameters = in.gate,
                              .query = {},
                              .key = {},
                              .numbers = stages.numbers,
                              .context = context};
    context = stages.gate->apply(input);
  }
  return pass.shown(at(What::context), context);
}

template Var<float> attend(const AttentionStages&, const StageOperands<float>&, const Mask&, const Pass&,
                           const AttentionPlace&);
template Var<double> attend(const AttentionStages&, const StageOperands<double>&, const Mask&, const Pass&,
                            const AttentionPlace&);
template Var<std::complex<double>> attend(const AttentionStages&, const StageOperands<std::complex<double>>&,
                                          const Mask&, const Pass&, const AttentionPlace&);

}  // namespace tapehead
