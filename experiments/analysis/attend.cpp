#include "experiments/analysis/attend.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
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
#include "experiments/analysis/joined_heads.hpp"
#include "layers/attention/attention_scale.hpp"
#include "layers/attention/attention_stages.hpp"

namespace tapehead {
namespace {

struct Sizes {
  std::int64_t examples, heads, key_heads, queries, keys, width, value_width;

  std::vector<std::int64_t> maps() const { return {examples, heads, queries, keys}; }
};

Sizes sizes_of(const AttendInput& in, std::int64_t most) {
  for (const auto& [name, tensor] : {std::pair("q", &in.query), {"k", &in.key}, {"v", &in.value}}) {
    if (tensor->shape.size() == 4 && tensor->size() > 0) continue;
    throw ShapeError(fmt::format("attend: {} is {}; it must be (examples, heads, places, width), none of them 0", name,
                                 shape_text(*tensor)));
  }
  const auto& q = in.query.shape;
  const auto& k = in.key.shape;
  const auto& v = in.value.shape;
  if (q[3] != k[3]) {
    throw ShapeError(
        fmt::format("attend: queries have {} each, keys {}; they must be equally wide", counted(q[3], "number"), k[3]));
  }
  if (k[2] != v[2]) {
    throw ShapeError(
        fmt::format("attend: {} but {}; each key needs one value", counted(k[2], "key"), counted(v[2], "value")));
  }
  if (k[0] != q[0] || v[0] != q[0] || k[1] != v[1] || q[1] % k[1] != 0) {
    throw ShapeError(
        fmt::format("attend: q is {}, k {} and v {}; they must have as many examples, k and v as many "
                    "heads, and these must divide the heads of q",
                    shape_text(in.query), shape_text(in.key), shape_text(in.value)));
  }
  const double maps = static_cast<double>(q[0]) * static_cast<double>(q[1]) * static_cast<double>(q[2]);
  if (maps * static_cast<double>(std::max(k[2], v[3])) > static_cast<double>(most)) {
    throw ShapeError(
        fmt::format("attend: {} queries with {} keys and values of {} numbers make a table of over {} numbers, "
                    "more than anybody can look at; take fewer rows",
                    q[2], k[2], v[3], most));
  }
  return {q[0], q[1], k[1], q[2], k[2], q[3], v[3]};
}

void refuse_nonfinite(const std::string& where, const std::string& name, const Tensor& tensor) {
  const auto odd = std::ranges::find_if(tensor.values, [](double number) { return !std::isfinite(number); });
  if (odd == tensor.values.end()) return;
  std::vector<std::int64_t> place(tensor.shape.size());
  std::int64_t at = odd - tensor.values.begin();
  for (std::size_t axis = place.size(); axis-- > 0; at /= tensor.shape[axis]) place[axis] = at % tensor.shape[axis];
  throw DataError(fmt::format("{}: {} holds {} at ({}), from 0 on; numbers must be finite", where, name, *odd,
                              fmt::join(place, ", ")));
}

// What is differentiated by, beside queries, keys and values.
template <RealScalar T>
struct Learned {
  std::array<std::vector<Var<T>>, kStageKinds> of_stages = {};
  Var<T> scale = {}, of_keys = {};
};

class Attend {
 public:
  Attend(const AttendInput& in, const AttendOptions& options, std::int64_t most)
      : in_(in), options_(options), sizes_(sizes_of(in, most)), text_(options.mask) {
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
    require_finite(result.scores, "score", "key");
    require_finite(result.context, "context", "dim");
    hide(result);
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
    std::vector<std::int64_t> shape = given->shape;
    if (shape.size() < 4) shape.insert(shape.begin(), 4 - shape.size(), 1);
    const std::vector<std::int64_t> all = sizes_.maps();
    for (std::size_t axis = 0; axis < 4; ++axis) {
      if (shape.size() == 4 && (shape[axis] == 1 || shape[axis] == all[axis])) continue;
      throw ShapeError(fmt::format("attend: the mask is {}; it must be ({}), or 1 where it is always the same",
                                   shape_text(*given), fmt::join(all, ", ")));
    }
    std::vector<std::int64_t> strides(4);
    for (std::int64_t axis = 3, step = 1; axis >= 0; step *= shape[static_cast<std::size_t>(axis--)]) {
      const auto at = static_cast<std::size_t>(axis);
      strides[at] = shape[at] == 1 ? 0 : step;
    }
    for (std::int64_t b = 0; b < all[0]; ++b) {
      for (std::int64_t h = 0; h < all[1]; ++h) {
        for (std::int64_t q = 0; q < all[2]; ++q) {
          for (std::int64_t k = 0; k < all[3]; ++k) {
            const auto at = b * strides[0] + h * strides[1] + q * strides[2] + k * strides[3];
            table_of_mask_.push_back(given->values[static_cast<std::size_t>(at)] != 0 ? 1 : 0);
          }
        }
      }
    }
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

  // Row by row as files have it is column by column with the axes turned round. But a matrix of each head, which scores
  // have, is (heads, in, out) there and (in, out, heads) here.
  static Shape shape_of(const std::vector<std::int64_t>& s, StageKind kind) {
    if (s.size() == 3) return kind == StageKind::score ? Shape{s[1], s[2], s[0]} : Shape{s[2], s[1], s[0]};
    return s.size() == 2 ? Shape{s[1], s[0]} : Shape{s.empty() ? 1 : s[0]};
  }
  static std::vector<std::int64_t> shape_in_file(const Shape& shape, StageKind kind) {
    if (shape.slices > 1 && kind == StageKind::score) return {shape.slices, shape.rows, shape.columns};
    if (shape.slices > 1) return {shape.slices, shape.columns, shape.rows};
    if (shape.columns > 1) return {shape.columns, shape.rows};
    return {shape.rows};
  }
  // Where element i of a file stands in a value.
  static std::size_t place_of(std::size_t i, const Shape& shape, std::size_t axes, StageKind kind) {
    if (axes != 3 || kind != StageKind::score) return i;
    const auto at = static_cast<std::int64_t>(i);
    return static_cast<std::size_t>(
        shape.offset({at / shape.columns % shape.rows, at % shape.columns, at / (shape.rows * shape.columns)}));
  }

  template <RealScalar T>
  static Var<T> parameter(Tape<T>& tape, const Tensor& given, StageKind kind) {
    const Shape shape = shape_of(given.shape, kind);
    std::vector<T> values(given.values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[place_of(i, shape, given.shape.size(), kind)] = static_cast<T>(given.values[i]);
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

  // Hidden scores, and what the others add up to. Parts of a head have the mask of the head.
  void hide(AttendResult& result) const {
    const std::int64_t heads = result.scores.shape[1];
    result.log_sum_exp = Tensor{{sizes_.examples, heads, sizes_.queries}, {}};
    const std::int64_t map = sizes_.queries * sizes_.keys;
    for (std::int64_t row = 0; row < result.scores.size(); row += sizes_.keys) {
      const std::int64_t example = row / (map * heads);
      const std::int64_t head = row / map % heads * sizes_.heads / heads;
      const auto allowed = result.mask.values.begin() + map * (head + sizes_.heads * example) + row % map;
      double largest = -std::numeric_limits<double>::infinity();
      for (std::int64_t k = 0; k < sizes_.keys; ++k) {
        if (allowed[k] != 0) largest = std::max(largest, result.scores.values[static_cast<std::size_t>(row + k)]);
      }
      double sum = 0;
      for (std::int64_t k = 0; k < sizes_.keys; ++k) {
        double& score = result.scores.values[static_cast<std::size_t>(row + k)];
        if (allowed[k] != 0) {
          sum += std::exp(score - largest);
        } else {
          score = std::numeric_limits<double>::quiet_NaN();
        }
      }
      result.log_sum_exp.values.push_back(sum > 0 ? largest + std::log(sum) : largest);
    }
  }

  // Finite vectors may have products that are not. Their weights would mean nothing.
  void require_finite(const Tensor& tensor, const char* what, const char* across) const {
    const std::int64_t columns = tensor.shape[3];
    for (std::size_t i = 0; i < tensor.values.size(); ++i) {
      const double value = tensor.values[i];
      if (std::isfinite(value)) continue;
      const auto at = static_cast<std::int64_t>(i);
      std::string where;
      if (sizes_.examples * sizes_.heads > 1) {
        const std::int64_t map = at / (columns * sizes_.queries);
        where = fmt::format(" of example {}, head {}", map / tensor.shape[1], map % tensor.shape[1]);
      }
      throw DataError(fmt::format(
          "attend: the {} of query {} and {} {}{} is {}, beyond the largest number of {} "
          "precision; take smaller numbers",
          what, at / columns % sizes_.queries, across, at % columns, where,
          std::isnan(value) ? "not a number" : "infinite", options_.single_precision ? "single" : "double"));
    }
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
        kept.values.push_back(static_cast<double>(gradient[place_of(e, shape, in_file.size(), kind)]));
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
  Sizes sizes_;
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
