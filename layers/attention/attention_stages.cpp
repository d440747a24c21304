#include "layers/attention/attention_stages.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/errors.hpp"
#include "autograd/ops/dropout.hpp"
#include "autograd/ops/masked_softmax.hpp"
#include "autograd/ops/matmul.hpp"
#include "autograd/ops/merge_heads.hpp"
#include "autograd/ops/scale.hpp"
#include "autograd/ops/slice.hpp"
#include "autograd/ops/split_heads.hpp"
#include "autograd/ops/tanh.hpp"
#include "layers/attention/stage_choices.hpp"

namespace tapehead {
namespace {

// Rows of a block as a variable of their own.
template <Scalar T>
Var<T> rows_of(const RowBlock<T>& block) {
  if (block.first_row == 0 && block.rows == block.x.shape().rows) return block.x;
  return slice(block.x, Axis::rows, block.first_row, block.rows);
}

// Query and key as the score wants them before heads are split.
template <Scalar T>
StageOperands<T> prepared(const AttentionStages& stages, StageOperands<T> in, const Mask& mask) {
  if (stages.score == nullptr || !stages.score->query) return in;
  const StageInput<T> input{
      .sizes = stages.sizes, .mask = mask, .parameters = in.score, .query = rows_of(in.query), .key = rows_of(in.key)};
  in.query = RowBlock<T>::all(stages.score->query(input));
  in.key = RowBlock<T>::all(stages.score->key(input));
  return in;
}

template <Scalar T>
Var<T> composed(const AttentionStages& stages, const StageOperands<T>& in, const Mask& mask, const Pass& pass,
                const AttentionPlace& place) {
  const std::int64_t heads = stages.sizes.heads;
  const auto show = [&](What what, Var<T> x) { return pass.shown({place.path, place.role, what, heads}, x); };
  StageInput<T> at{.sizes = stages.sizes,
                   .mask = mask,
                   .parameters = in.score,
                   .query = split_heads(rows_of(in.query), heads),
                   .key = split_heads(rows_of(in.key), heads),
                   .numbers = stages.numbers,
                   .scale = stages.scale,
                   .both_ways = place.role != AttentionRole::causal,
                   .first_query = in.first_query};
  const bool dot = stages.score == nullptr || !stages.score->apply;
  at.scores = dot ? matmul(at.key, at.query, Transpose::yes) : stages.score->apply(at);
  if (stages.score == nullptr || stages.score->scaled) at.scores = scale(at.scores, stages.scale);
  if (stages.cap > 0) at.scores = scale(tanh(scale(at.scores, 1 / stages.cap)), stages.cap);
  if (stages.bias != nullptr) {
    at.parameters = in.bias;
    at.scores = stages.bias->apply(at);
  }
  at.scores = show(What::scores, at.scores);
  at.parameters = in.normalizer;
  Var<T> weights = stages.normalizer != nullptr ? stages.normalizer->apply(at) : masked_softmax(at.scores, mask, heads);
  weights = show(What::weights, weights);
  if (pass.training && stages.dropout > 0) {
    weights = dropout(weights, stages.dropout, pass.dropout_stream(place.site), pass.first_example, heads);
  }
  return merge_heads(matmul(split_heads(rows_of(in.value), heads), weights), heads);
}

}  // namespace

const char* name_of(StageKind kind) {
  return kind == StageKind::score ? "score" : kind == StageKind::bias ? "bias" : "normalizer";
}

std::vector<std::size_t> PlainStage::by_score(const std::vector<Number>& scores) const {
  std::vector<std::size_t> order;
  for (std::size_t k = 0; k < scores.size(); ++k) {
    if (allowed[k]) order.push_back(k);
  }
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return scores[a].real() > scores[b].real(); });
  return order;
}

std::string& choice_of(StageChoices& choices, StageKind kind) {
  return kind == StageKind::score ? choices.score : kind == StageKind::bias ? choices.bias : choices.normalizer;
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
  const auto named = [](const StageSpec& stage) { return fmt::format("{} {}", name_of(stage.kind), stage.name); };
  if (stages.score != nullptr && stages.score->apply && !kernel.other_scores) return named(*stages.score);
  if (stages.cap > 0 && !kernel.caps) return fmt::format("score-cap {}", stages.cap);
  if (stages.bias != nullptr && !kernel.biases) return named(*stages.bias);
  const bool other = stages.normalizer != nullptr && stages.normalizer->name != "softmax";
  return other && !kernel.other_normalizers ? named(*stages.normalizer) : "";
}

}  // namespace

bool takes(const KernelAbilities& kernel, const AttentionStages& stages) { return lacking(kernel, stages).empty(); }

AttentionKernel choose_kernel(const AttentionStages& stages) {
  if (stages.bias != nullptr && stages.bias->of_products && stages.score != nullptr && stages.score->name != "dot") {
    throw ConfigError(
        fmt::format("attention: bias {} belongs to score dot, not to {}", stages.bias->name, stages.score->name));
  }
  const bool automatic = stages.kernel == AttentionKernel::automatic;
  for (const KernelAbilities& kernel : kKernels) {
    if (!automatic && kernel.kernel != stages.kernel) continue;
    const std::string stage = lacking(kernel, stages);
    if (stage.empty()) return stages.kernel;
    if (automatic) return AttentionKernel::composed;
    throw ConfigError(fmt::format("attention: {} cannot take {}; choose auto or composed", kernel.name, stage));
  }
  return stages.kernel;
}

template <Scalar T>
Var<T> attend(const AttentionStages& stages, const StageOperands<T>& given, const Mask& mask, const Pass& pass,
              const AttentionPlace& place) {
  const std::int64_t heads = stages.sizes.heads;
  const auto at = [&](What what) { return Site{place.path, place.role, what, heads}; };
  const StageOperands<T> in = prepared(stages, given, mask);
  const bool watched =
      pass.probe != nullptr && (pass.probe->wants(at(What::scores)) || pass.probe->wants(at(What::weights)));
  Var<T> context;
  if (watched || stages.kernel == AttentionKernel::composed) {
    context = composed(stages, in, mask, pass, place);
  } else {
    const RandomStream random = pass.dropout_stream(place.site);
    context = attention(in.query, in.key, in.value,
                        {.heads = heads,
                         .scale = stages.scale,
                         .mask = mask,
                         .dropout = pass.training ? stages.dropout : 0,
                         .random = &random,
                         .first_example = pass.first_example,
                         .kernel = stages.kernel})
                  .context;
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
