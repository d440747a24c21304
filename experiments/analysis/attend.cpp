#include "experiments/analysis/attend.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <vector>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/masks/explicit.hpp"
#include "autograd/ops/add.hpp"
#include "autograd/ops/multiply.hpp"
#include "autograd/ops/rotary.hpp"
#include "autograd/ops/sum.hpp"
#include "experiments/analysis/attend_arrays.hpp"
#include "experiments/analysis/joined_heads.hpp"
#include "layers/attention/attention_scale.hpp"
#include "layers/attention/attention_stages.hpp"

namespace tapehead {
namespace {

// What is differentiated by, beside queries, keys and values.
template <RealScalar T>
struct Learned {
  std::array<std::vector<Var<T>>, kStageKinds> of_stages = {};
  Var<T> scale = {}, of_keys = {};
};

class Attend {
 public:
  Attend(const AttendInput& in, const AttendOptions& options, std::int64_t most)
      : in_(in), options_(options), sizes_(attend_sizes(in, most)), text_(options.mask) {
    if (options.scale == "inv_sqrt_dmodel") {
      throw ConfigError(
          "scale: inv_sqrt_dmodel needs a model, and given matrices have none; use inv_sqrt_dk or a number");
    }
    choose();
    require_known();
    set_mask();
  }

  template <RealScalar T>
  AttendResult run() {
    ParameterStore<T> store(layout_);
    store.initialise(options_.seed);
    Tape<T> tape(store);
    const Var<T> query = input(tape, in_.query);
    const Var<T> key = input(tape, in_.key);
    const Var<T> value = input(tape, in_.value);
    const HeadSizes scoring = stages_.scoring();
    const auto turned = [&](Var<T> x) {
      return table_ ? rotary(x, *table_,
                             {.heads = x.shape().rows / scoring.key_width,
                              .width = scoring.key_width,
                              .pairs = options_.rotary.layout == "pairs"})
                    : x;
    };
    Learned<T> learned;
    for (std::size_t kind = 0; kind < kStageKinds; ++kind) {
      for (std::size_t i = 0; i < parameters_[kind].size(); ++i) {
        const Tensor* given = other(symbol(kind, i));
        learned.of_stages[kind].push_back(given == nullptr ? tape.leaf(parameters_[kind][i])
                                                           : parameter(tape, *given, StageKind(kind)));
      }
    }
    if (const Tensor* scale = other("scale")) learned.scale = parameter(tape, *scale, StageKind::gate);
    if (wants_of_keys()) learned.of_keys = input_of_keys(tape);
    Var<T> scores, weights;
    const ProbeAt probe({What::scores, What::weights},
                        [&](const Site& site, Var<T> x) { (site.what == What::scores ? scores : weights) = x; });
    using Block = RowBlock<T>;
    const auto of = [&](StageKind kind) { return std::span<const Var<T>>(learned.of_stages[std::size_t(kind)]); };
    const std::string path = "attend";
    const AttentionRole role = mask_.looks_back() ? AttentionRole::causal : AttentionRole::self;
    const Var<T> context = attend<T>(stages_,
                                     {.query = Block::all(turned(query)),
                                      .key = Block::all(turned(key)),
                                      .value = Block::all(value),
                                      .score = of(StageKind::score),
                                      .bias = of(StageKind::bias),
                                      .normalizer = of(StageKind::normalizer),
                                      .mixing = of(StageKind::mixing),
                                      .gate = of(StageKind::gate),
                                      .of_keys = learned.of_keys,
                                      .scale = learned.scale},
                                     mask_, {.probe = &probe}, {path, role});

    AttendResult result;
    result.untrained = untrained();
    result.mask = allowed();
    std::vector<std::int64_t> of_scores = sizes_.maps();
    of_scores[1] = scoring.heads;
    result.scores = Tensor{of_scores, {scores.data(), scores.data() + scores.shape().size()}};
    result.weights = Tensor{sizes_.maps(), {weights.data(), weights.data() + weights.shape().size()}};
    result.context = heads_apart(context.data(), {sizes_.examples, sizes_.heads, sizes_.queries, sizes_.value_width});
    require_finite(result.scores, sizes_, "score", "key", options_.single_precision);
    require_finite(result.context, sizes_, "context", "dim", options_.single_precision);
    hide_masked(result, sizes_);
    if (const auto loss = contracted(tape, context, weights)) {
      tape.backward(*loss);
      result.gradients = gradients(tape, store, query, key, value, learned);
    }
    return result;
  }

 private:
  const Tensor* other(const std::string& name) const {
    const auto found = in_.others.find(name);
    return found == in_.others.end() ? nullptr : &found->second;
  }

  void choose() {
    std::uint32_t sites = 0;
    stages_.sizes = {sizes_.heads, sizes_.width, sizes_.value_width, sizes_.key_heads};
    stages_.cap = options_.stages.cap;
    stages_.numbers = options_.stages.numbers;
    stages_.numbers.positions = std::max(sizes_.queries, sizes_.keys);
    StageChoices choices = options_.stages;
    for (std::size_t kind = 0; kind < kStageKinds; ++kind) {
      stages_.of(StageKind(kind)) = chosen_stage(StageKind(kind), choice_of(choices, StageKind(kind)));
    }
    const std::int64_t parts = stages_.mixing == nullptr ? 1 : stages_.mixing->parts;
    if (sizes_.width % parts != 0) {
      throw ConfigError(fmt::format("head-mixing: {} cuts queries in {}, and their {} cannot be", stages_.mixing->name,
                                    parts, counted(sizes_.width, "number")));
    }
    const HeadSizes scoring = stages_.scoring();
    stages_.scale = attention_scale(options_.scale, scoring.key_width, scoring.key_width);
    for (std::size_t kind = 0; kind < kStageKinds; ++kind) {
      const StageSpec* stage = stages_.of(StageKind(kind));
      if (stage == nullptr || stage->declare == nullptr) continue;
      const bool of_contexts = StageKind(kind) == StageKind::mixing || StageKind(kind) == StageKind::gate;
      parameters_[kind] = stage->declare(Scope(layout_, sites) / name_of(StageKind(kind)),
                                         of_contexts ? stages_.sizes : scoring, stages_.numbers);
    }
    layout_.seal();
    choose_kernel(stages_);  // refuses what does not go together
    if (!options_.turned) return;
    table_.emplace(turned_channels(options_.rotary, scoring.key_width), stages_.numbers.positions,
                   options_.rotary.base);
  }

  const std::string& symbol(std::size_t kind, std::size_t i) const {
    return stages_.of(StageKind(kind))->symbols.at(i);
  }
  bool wants_of_keys() const { return stages_.bias != nullptr && stages_.bias->of_keys.name != nullptr; }

  void require_known() const {
    std::set<std::string> known{"mask", "upstream/context", "upstream/weights"};
    if (options_.scale == "learned") known.insert("scale");
    for (std::size_t kind = 0; kind < kStageKinds; ++kind) {
      const StageSpec* stage = stages_.of(StageKind(kind));
      if (stage == nullptr) continue;
      for (const std::string& name : stage->symbols) {
        if (known.insert(name).second) continue;
        throw ConfigError(
            fmt::format("attend: {} {} and another stage both read {}", name_of(StageKind(kind)), stage->name, name));
      }
    }
    for (const auto& [name, tensor] : in_.others) {
      if (known.contains(name)) continue;
      throw DataError(fmt::format("attend: nothing reads {} {}; beside q, k and v these stages read {}", name,
                                  shape_text(tensor), fmt::join(known, ", ")));
    }
  }

  void set_mask() {
    mask_ = text_.mask({sizes_.examples, sizes_.queries, sizes_.keys});
    const Tensor* given = other("mask");
    if (given == nullptr) return;
    table_of_mask_ = mask_table(*given, sizes_);
    mask_ = mask_ & Explicit{table_of_mask_.data(), sizes_.queries, static_cast<std::int32_t>(sizes_.heads), true};
  }

  std::vector<Untrained> untrained() const {
    std::vector<Untrained> all;
    for (std::size_t kind = 0; kind < kStageKinds; ++kind) {
      for (std::size_t i = 0; i < parameters_[kind].size(); ++i) {
        if (other(symbol(kind, i)) != nullptr) continue;
        const auto& [law, value] = layout_.find(parameters_[kind][i].name())->initialisation;
        using Law = Initialisation::Law;
        const bool drawn = law == Law::uniform || law == Law::normal;
        const std::string start = drawn                  ? fmt::format("drawn with seed {}", options_.seed)
                                  : law == Law::identity ? "the identity"
                                                         : fmt::format("{:.4g}", value);
        const char* option = option_of(StageKind(kind));
        if (all.empty() || all.back().option != option || all.back().start != start) {
          all.push_back({option, stages_.of(StageKind(kind))->name, {}, start, drawn});
        }
        all.back().parameters.push_back(symbol(kind, i));
      }
    }
    if (options_.scale == "learned" && other("scale") == nullptr) {
      all.push_back({"scale", "learned", {"scale"}, fmt::format("inv_sqrt_dk, {:.4g}", stages_.scale), false});
    }
    return all;
  }

  template <RealScalar T>
  static Var<T> input(Tape<T>& tape, const Tensor& tensor) {
    const auto& s = tensor.shape;
    return tape.input({s[1] * s[3], s[2], s[0]}, heads_together<T>(tensor).data());
  }

  // (B, H, K) of a file as (H, K, B).
  template <RealScalar T>
  Var<T> input_of_keys(Tape<T>& tape) const {
    const std::string& name = stages_.bias->symbols.at(0);
    const std::vector<std::int64_t> shape{sizes_.examples, stages_.scoring().heads, sizes_.keys};
    const Tensor* given = other(name);
    if (given == nullptr || given->shape != shape) {
      throw DataError(fmt::format("attend: positions {} read {} ({}) of --input, and {}", stages_.bias->name, name,
                                  fmt::join(shape, ", "),
                                  given == nullptr ? "there is none" : "it is " + shape_text(*given)));
    }
    return input(tape, Tensor{{shape[0], shape[1], shape[2], 1}, given->values});
  }

  template <RealScalar T>
  static Var<T> parameter(Tape<T>& tape, const Tensor& given, StageKind kind) {
    const Shape shape = shape_of_parameter(given.shape, kind);
    std::vector<T> values(given.values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[place_in_parameter(i, shape, given.shape.size(), kind)] = static_cast<T>(given.values[i]);
    }
    return tape.input(shape, values.data());
  }

  Tensor allowed() const {
    Tensor all{sizes_.maps(), {}};
    for (std::int64_t b = 0; b < sizes_.examples; ++b) {
      for (std::int64_t h = 0; h < sizes_.heads; ++h) {
        for (std::int64_t q = 0; q < sizes_.queries; ++q) {
          for (std::int64_t k = 0; k < sizes_.keys; ++k) {
            all.values.push_back(mask_.allows({b, h, sizes_.keys}, q, k) ? 1 : 0);
          }
        }
      }
    }
    return all;
  }

  // Σ upstream ∘ result, if there is an upstream.
  template <RealScalar T>
  std::optional<Var<T>> contracted(Tape<T>& tape, Var<T> context, Var<T> weights) const {
    std::optional<Var<T>> loss;
    const auto contract = [&](const char* name, Var<T> y, const std::vector<std::int64_t>& shape, bool joined) {
      const Tensor* upstream = other(name);
      if (upstream == nullptr) return;
      if (upstream->shape != shape) {
        throw ShapeError(
            fmt::format("attend: {} is {}, and ({}) is needed", name, shape_text(*upstream), fmt::join(shape, ", ")));
      }
      const std::vector<T> d_y =
          joined ? heads_together<T>(*upstream) : std::vector<T>(upstream->values.begin(), upstream->values.end());
      const Var<T> part = sum(multiply(y, tape.constant(y.shape(), d_y.data())));
      loss = loss ? add(*loss, part) : part;
    };
    contract("upstream/context", context, {sizes_.examples, sizes_.heads, sizes_.queries, sizes_.value_width}, true);
    contract("upstream/weights", weights, sizes_.maps(), false);
    return loss;
  }

  template <RealScalar T>
  Tensors gradients(const Tape<T>& tape, const ParameterStore<T>& store, Var<T> query, Var<T> key, Var<T> value,
                    const Learned<T>& learned) const {
    Tensors all;
    // Zeros where nothing depends on it.
    const auto found = [&](Var<T> x) {
      const T* from = tape.gradient(x);
      const auto count = static_cast<std::size_t>(x.shape().size());
      return from == nullptr ? std::vector<T>(count) : std::vector<T>(from, from + count);
    };
    const auto keep = [&](const std::string& name, const std::vector<std::int64_t>& shape, Var<T> x) {
      std::vector<std::int64_t> heads = shape;
      heads.resize(4, 1);
      all[name] = heads_apart(found(x).data(), heads);
      all[name].shape = shape;
    };
    const auto keep_parameter = [&](const std::string& name, const std::vector<std::int64_t>& in_file,
                                    const Shape& shape, const std::vector<T>& gradient, StageKind kind) {
      Tensor& kept = all[name];
      kept.shape = in_file;
      for (std::size_t e = 0; e < gradient.size(); ++e) {
        kept.values.push_back(static_cast<double>(gradient[place_in_parameter(e, shape, in_file.size(), kind)]));
      }
    };
    keep("q", in_.query.shape, query);
    keep("k", in_.key.shape, key);
    keep("v", in_.value.shape, value);
    if (learned.of_keys) keep(stages_.bias->symbols.at(0), other(stages_.bias->symbols.at(0))->shape, learned.of_keys);
    if (learned.scale) {
      keep_parameter("scale", other("scale")->shape, learned.scale.shape(), found(learned.scale), StageKind::gate);
    }
    for (std::size_t at = 0; at < kStageKinds; ++at) {
      const auto kind = StageKind(at);
      for (std::size_t i = 0; i < parameters_[at].size(); ++i) {
        const std::string& name = symbol(at, i);
        if (const Tensor* given = other(name)) {
          const Var<T> x = learned.of_stages[at][i];
          keep_parameter(name, given->shape, x.shape(), found(x), kind);
        } else {
          const ParameterLayout::Block& block = layout_.block(parameters_[at][i]);
          const T* from = store.gradients().data() + block.offset;
          keep_parameter(name, shape_in_file(block.shape, kind), block.shape, {from, from + block.shape.size()}, kind);
        }
      }
    }
    return all;
  }

  const AttendInput& in_;
  const AttendOptions& options_;
  AttendSizes sizes_;
  MaskText text_;
  ParameterLayout layout_;
  mutable AttentionStages stages_;  // whose stages are looked up by kind
  std::array<std::vector<Parameter>, kStageKinds> parameters_;
  std::optional<RotaryTable> table_;
  std::vector<std::uint8_t> table_of_mask_;
  Mask mask_;
};

}  // namespace

AttendInput AttendInput::of(const Matrix& query, const Matrix& key, const Matrix& value) {
  const auto tensor = [](const Matrix& matrix) { return Tensor{{1, 1, matrix.rows, matrix.columns}, matrix.values}; };
  return {tensor(query), tensor(key), tensor(value)};
}

AttendResult attend(const AttendInput& input, const AttendOptions& options, std::int64_t most) {
  for (const auto& [name, tensor] : {std::pair{"q", &input.query}, {"k", &input.key}, {"v", &input.value}}) {
    refuse_nonfinite(input.where, name, *tensor);
  }
  for (const auto& [name, tensor] : input.others) refuse_nonfinite(input.where, name, tensor);
  Attend run(input, options, most);
  return options.single_precision ? run.run<float>() : run.run<double>();
}

Matrix matrix_of(const Tensor& tensor, std::int64_t b, std::int64_t h) {
  Matrix matrix(tensor.shape.at(2), tensor.shape.size() > 3 ? tensor.shape[3] : 1);
  const auto size = matrix.rows * matrix.columns;
  std::copy_n(tensor.values.begin() + size * (h + tensor.shape[1] * b), size, matrix.values.begin());
  return matrix;
}

}  // namespace tapehead
