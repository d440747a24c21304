#include "layers/feature_embedding.hpp"

#include <algorithm>
#include <array>

#include "autograd/ops/concatenate.hpp"
#include "autograd/ops/repeat_slices.hpp"
#include "layers/spec.hpp"

namespace tapehead {
namespace {

template <Scalar T>
Var<T> on_tape(Tape<T>& tape, const FeatureView& features) {
  const Shape shape{features.channels, features.positions, features.examples};
  T* values = tape.allocate(shape.size());
  const std::int64_t count = shape.rows * shape.columns;
  for (std::int64_t b = 0; b < shape.slices; ++b) {
    std::transform(features.column(0, b), features.column(0, b) + count, values + count * b,
                   [](float x) { return static_cast<T>(x); });
  }
  return tape.record("features", shape, values, {}, [](Pull<T>&) {});
}

}  // namespace

FeatureEmbedding::FeatureEmbedding(const Scope& scope, const Options& options)
    : path(scope.path()),
      projection(scope / "projection", {.in = options.features, .out = options.channels}),
      class_token(options.class_token ? scope.declare({scope.table("class_token", options.channels, 1, false)})
                                      : Parameter{}),
      positions(scope / "positions", options.positions, options.channels, options.max_positions, options.grid),
      norm(options.norm ? std::optional<Norm>(Norm(scope / "norm", *options.norm)) : std::nullopt),
      dropout(scope, options.dropout) {}

template <Scalar T>
Var<T> FeatureEmbedding::operator()(Tape<T>& tape, const FeatureView& features, const Pass& pass) const {
  Var<T> x = projection(on_tape(tape, features));
  if (class_token) {
    const std::array<Var<T>, 2> parts{repeat_slices(tape.leaf(class_token), features.examples), x};
    x = concatenate(std::span<const Var<T>>(parts), Axis::columns);
  }
  x = positions(x, pass);
  return pass.shown({path, AttentionRole::none, What::embedded, 1}, dropout(norm ? (*norm)(x) : x, pass));
}

template Var<float> FeatureEmbedding::operator()(Tape<float>&, const FeatureView&, const Pass&) const;
template Var<double> FeatureEmbedding::operator()(Tape<double>&, const FeatureView&, const Pass&) const;
template Var<std::complex<double>> FeatureEmbedding::operator()(Tape<std::complex<double>>&, const FeatureView&,
                                                                const Pass&) const;

LayerSpec layer_spec_feature_embedding() {
  // Two examples of 2 × 2 positions of three numbers, with room for a fifth position between them.
  static constexpr float kNumbers[] = {0.5F,  -1,     0.25F, 1,     0.75F, -0.5F, 0.125F, 1, -0.25F, 0,
                                       0.5F,  -0.75F, 9,     9,     9,     0.25F, 0.5F,   1, -1,     0,
                                       0.75F, 1,      0.25F, -0.5F, 1,     0.5F,  -0.25F, 9, 9,      9};
  static constexpr std::int32_t kLengths[] = {4, 4};
  const auto with = [](const std::string& label, FeatureEmbedding::Options options) {
    options.features = 3;
    options.channels = 8;
    options.dropout = 0.3;
    return layer_case(
        "feature_embedding/" + label, {}, [options](const Scope& scope) { return FeatureEmbedding(scope, options); },
        [](const FeatureEmbedding& layer, auto& tape, auto) {
          return layer(tape, FeatureView{kNumbers, kLengths, 3, 5, 4, 2}, Pass{.training = true, .seed = 5});
        });
  };
  return {
      "feature_embedding",
      {with("learned", {.class_token = true, .max_positions = 5}),
       with("grid", {.class_token = true,
                     .positions = PositionKind::sinusoidal,
                     .max_positions = 5,
                     .grid = {.rows = 2, .columns = 2, .before = 1}}),
       with("without_class_token_normalised", {.positions = PositionKind::none, .norm = NormOptions{.channels = 8}})}};
}

}  // namespace tapehead
