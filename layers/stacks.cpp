#include "layers/stacks.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "layers/spec.hpp"

namespace tapehead {
namespace {

void check(const Scope& scope, const StackOptions& options) {
  if (options.distinct < 0 || options.distinct > options.layers) {
    throw ConfigError(fmt::format("{}: {} distinct layers are not among {}", scope.path(), options.distinct,
                                  counted(options.layers, "layer")));
  }
  if (options.layer.value_residual != ValueResidual::none && options.layer_drop > 0) {
    throw ConfigError(
        fmt::format("{}: the first layer, whose values all layers take up, may be left out: no value "
                    "residual goes with a layer drop",
                    scope.path()));
  }
}

// `parts` of a layer add to the stream.
template <class Layer>
std::vector<Layer> make_layers(const Scope& scope, const StackOptions& options, std::int64_t parts) {
  check(scope, options);
  LayerOptions layer = options.layer;
  if (options.scaled_outputs) layer.output_factor /= std::sqrt(static_cast<double>(options.layers * parts));
  layer.value_residual = ValueResidual::none;  // of the first
  const std::int64_t distinct = options.distinct > 0 ? options.distinct : options.layers;
  const Scope all = scope / "layers";
  std::vector<Layer> layers;
  for (std::int64_t i = 0; i < options.layers; ++i) {
    const Scope own =
        i < distinct ? all / std::to_string(i) : all.sharing(std::to_string(i), std::to_string(i % distinct));
    layers.emplace_back(own, layer);
    layer.value_residual = options.layer.value_residual;
  }
  return layers;
}

std::int64_t feed_forward_parts(const StackOptions& options) { return options.layer.inner > 0 ? 1 : 0; }

std::optional<Norm> make_norm(const Scope& scope, const StackOptions& options) {
  if (!options.final_norm) return std::nullopt;
  return Norm(scope / "norm", norm_options(options.layer));
}

// x through all layers that are not left out, each called as layer(x, first_values), and the norm behind them.
template <class Stack, Scalar T, class Call>
Var<T> through(const Stack& stack, Var<T> x, const Pass& pass, Call call) {
  Var<T> first_values;
  for (std::size_t i = 0; i < stack.layers.size(); ++i) {
    if (stack.drop.leaves_out(i, pass)) continue;
    x = call(stack.layers[i], x, stack.keeps_values ? &first_values : nullptr);
  }
  return stack.norm ? (*stack.norm)(x) : x;
}

}  // namespace

Encoder::Encoder(const Scope& scope, const StackOptions& options)
    : layers(make_layers<EncoderLayer>(scope, options, 1 + feed_forward_parts(options))),
      norm(make_norm(scope, options)),
      drop(scope, options.layer_drop),
      keeps_values(options.layer.value_residual != ValueResidual::none) {}

template <Scalar T>
Var<T> Encoder::operator()(Var<T> x, const Mask& mask, const Pass& pass) const {
  return through(*this, x, pass, [&](const EncoderLayer& layer, Var<T> in, Var<T>* first_values) {
    return layer(in, mask, pass, first_values);
  });
}

CrossDecoder::CrossDecoder(const Scope& scope, const StackOptions& options)
    : layers(make_layers<DecoderLayer>(scope, options, 2 + feed_forward_parts(options))),
      norm(make_norm(scope, options)),
      drop(scope, options.layer_drop),
      keeps_values(options.layer.value_residual != ValueResidual::none) {}

template <Scalar T>
Var<T> CrossDecoder::operator()(Var<T> x, Var<T> memory, const Mask& self_mask, const Mask& memory_mask,
                                const Pass& pass) const {
  return through(*this, x, pass, [&](const DecoderLayer& layer, Var<T> in, Var<T>* first_values) {
    return layer(in, memory, self_mask, memory_mask, pass, first_values);
  });
}

template Var<float> Encoder::operator()(Var<float>, const Mask&, const Pass&) const;
template Var<double> Encoder::operator()(Var<double>, const Mask&, const Pass&) const;
template Var<std::complex<double>> Encoder::operator()(Var<std::complex<double>>, const Mask&, const Pass&) const;
template Var<float> CrossDecoder::operator()(Var<float>, Var<float>, const Mask&, const Mask&, const Pass&) const;
template Var<double> CrossDecoder::operator()(Var<double>, Var<double>, const Mask&, const Mask&, const Pass&) const;
template Var<std::complex<double>> CrossDecoder::operator()(Var<std::complex<double>>, Var<std::complex<double>>,
                                                            const Mask&, const Mask&, const Pass&) const;

LayerSpec layer_spec_stacks() {
  const LayerOptions pre{.channels = 6, .heads = 2, .inner = 7, .activation = Activation::gelu, .dropout = 0.2};
  LayerOptions post = pre;
  post.norm = NormPlace::post;
  LayerOptions learned = pre;
  learned.value_residual = ValueResidual::learned;
  LayerOptions equal = pre;
  equal.value_residual = ValueResidual::equal;
  equal.head.key_heads = 1;
  const auto encoder = [](const std::string& label, const StackOptions& options) {
    return layer_case(
        "stacks/encoder_" + label, {sample_activations()},
        [options](const Scope& scope) { return Encoder(scope, options); },
        [](const Encoder& stack, auto&, auto x) { return stack(x[0], Mask{}, Pass{.training = true, .seed = 5}); });
  };
  const auto cross_decoder = [](const std::string& label, const StackOptions& options) {
    return layer_case(
        "stacks/cross_decoder" + label, {sample_activations(), sample_memory()},
        [options](const Scope& scope) { return CrossDecoder(scope, options); },
        [](const CrossDecoder& stack, auto&, auto x) {
          return stack(x[0], x[1], Mask::causal(), Mask::padding({.lengths = kSampleLengths}),
                       Pass{.training = true, .seed = 5});
        });
  };
  return {"stacks",
          {encoder("without_final_norm", {.layers = 2, .layer = pre, .final_norm = false}),
           encoder("without_final_norm_post", {.layers = 2, .layer = post, .final_norm = false}),
           encoder("value_residual", {.layers = 3, .layer = learned}),
           encoder("equal_values_of_shared_layers", {.layers = 3, .layer = equal, .distinct = 2}),
           encoder("universal_dropping_layers", {.layers = 4, .layer = pre, .distinct = 1, .layer_drop = 0.4}),
           cross_decoder("", {.layers = 2, .layer = pre}), cross_decoder("_post", {.layers = 2, .layer = post}),
           cross_decoder("_value_residual", {.layers = 2, .layer = learned}),
           cross_decoder("_universal", {.layers = 3, .layer = pre, .distinct = 1})}};
}

}  // namespace tapehead
