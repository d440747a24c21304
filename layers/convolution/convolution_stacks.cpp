#include "layers/convolution/convolution_stacks.hpp"

#include <numbers>

#include "autograd/ops/add.hpp"
#include "autograd/ops/scale.hpp"
#include "layers/spec.hpp"

namespace tapehead {
namespace {

// (a + b) √½: of two parts with one variance each, their sum has it too.
template <Scalar T>
Var<T> balanced(Var<T> a, Var<T> b) {
  return scale(add(a, b), 1 / std::numbers::sqrt2);
}

template <Scalar T>
Var<T> shown(Var<T> x, const std::string& path, const Pass& pass) {
  return pass.shown({path, AttentionRole::none, What::stream, 1}, x);
}

}  // namespace

ConvolutionEncoder::ConvolutionEncoder(const Scope& scope, std::int64_t layers,
                                       const GatedConvolution::Options& options) {
  for (std::int64_t i = 0; i < layers; ++i) {
    const Scope level = scope / "layers" / std::to_string(i);
    levels.push_back({level.path(), GatedConvolution(level, options)});
  }
}

template <Scalar T>
Var<T> ConvolutionEncoder::operator()(Var<T> x, const std::int32_t* lengths, const Pass& pass) const {
  for (const Level& level : levels) {
    x = shown(balanced(x, level.convolution(x, lengths, pass)), level.path, pass);
  }
  return x;
}

template Var<float> ConvolutionEncoder::operator()(Var<float>, const std::int32_t*, const Pass&) const;
template Var<double> ConvolutionEncoder::operator()(Var<double>, const std::int32_t*, const Pass&) const;
template Var<std::complex<double>> ConvolutionEncoder::operator()(Var<std::complex<double>>, const std::int32_t*,
                                                                  const Pass&) const;

ConvolutionDecoder::ConvolutionDecoder(const Scope& scope, const Options& o) {
  GatedConvolution::Options convolution = o.convolution;
  convolution.causal = true;
  for (std::int64_t i = 0; i < o.layers; ++i) {
    const Scope level = scope / "layers" / std::to_string(i);
    Level& made = levels.emplace_back(Level{level.path(), GatedConvolution(level, convolution), {}});
    if (o.attention) made.cross_attention.emplace(level / "cross_attention", *o.attention);
  }
}

template <Scalar T>
Var<T> ConvolutionDecoder::operator()(Var<T> x, const ConvolutionMemory<T>& memory, const Mask& memory_mask,
                                      const Pass& pass) const {
  const Var<T> embedded = x;
  for (const auto& [path, convolution, cross_attention] : levels) {
    Var<T> y = convolution(x, nullptr, pass);  // no place hears of what follows it, padding included
    if (cross_attention) {
      const Var<T> projected = cross_attention->project(x.tape(), memory.keys, pass, memory.values);
      y = balanced(y, cross_attention->of_projected(add(y, embedded), projected, memory_mask, pass));
    }
    x = shown(balanced(x, y), path, pass);
  }
  return x;
}

template Var<float> ConvolutionDecoder::operator()(Var<float>, const ConvolutionMemory<float>&, const Mask&,
                                                   const Pass&) const;
template Var<double> ConvolutionDecoder::operator()(Var<double>, const ConvolutionMemory<double>&, const Mask&,
                                                    const Pass&) const;
template Var<std::complex<double>> ConvolutionDecoder::operator()(Var<std::complex<double>>,
                                                                  const ConvolutionMemory<std::complex<double>>&,
                                                                  const Mask&, const Pass&) const;

LayerSpec layer_spec_convolution_stacks() {
  std::vector<ProblemCase> cases;
  cases.push_back(layer_case(
      "convolution_stacks/encoder", {sample_activations()},
      [](const Scope& scope) { return ConvolutionEncoder(scope, 2, {.channels = 6, .width = 3, .dropout = 0.2}); },
      [](const ConvolutionEncoder& stack, auto&, auto x) {
        return stack(x[0], kSampleLengths, Pass{.training = true, .seed = 5});
      }));
  const auto decoder = [&](const std::string& label, const ConvolutionDecoder::Options& options) {
    cases.push_back(layer_case(
        "convolution_stacks/" + label, {sample_activations(), sample_memory(), sample_memory()},
        [options](const Scope& scope) { return ConvolutionDecoder(scope, options); },
        [](const ConvolutionDecoder& stack, auto&, auto x) {
          return stack(x[0], {x[1], x[2]}, Mask::padding({.lengths = kSampleLengths}),
                       Pass{.training = true, .seed = 5});
        }));
  };
  const MultiHeadAttention::Options attention{.channels = 6, .memory_channels = 6, .values_apart = true, .heads = 2};
  decoder("decoder", {.layers = 2, .convolution = {.channels = 6, .width = 3}, .attention = attention});
  return {"convolution_stacks", std::move(cases)};
}

}  // namespace tapehead
