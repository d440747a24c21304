#include "layers/attention/multi_head_attention.hpp"

#include <fmt/format.h>

#include <cmath>

#include "autograd/base/errors.hpp"
#include "layers/spec.hpp"

namespace tapehead {
namespace {

MultiHeadAttention::Options complete(MultiHeadAttention::Options options, const std::string& path) {
  if (options.channels < 1 || options.heads < 1 || options.key_width < 0 || options.value_width < 0) {
    throw ConfigError(fmt::format("{}: channels ({}), heads ({}) and widths ({}, {}) must be positive", path,
                                  options.channels, options.heads, options.key_width, options.value_width));
  }
  if (options.key_width == 0) {
    if (options.channels % options.heads != 0) {
      throw ConfigError(fmt::format("{}: {} heads do not divide {} channels; give the width of a head", path,
                                    options.heads, options.channels));
    }
    options.key_width = options.channels / options.heads;
  }
  if (options.value_width == 0) options.value_width = options.key_width;
  if (options.scale == 0) options.scale = 1 / std::sqrt(static_cast<double>(options.key_width));
  return options;
}

std::vector<JoinedLinear::Part> query_parts(const MultiHeadAttention::Options& o) {
  if (o.memory_channels > 0) return {{"query", o.heads * o.key_width}};
  return {{"query", o.heads * o.key_width}, {"key", o.heads * o.key_width}, {"value", o.heads * o.value_width}};
}

std::optional<JoinedLinear> memory_projection(const Scope& scope, const MultiHeadAttention::Options& o) {
  if (o.memory_channels == 0) return std::nullopt;
  return JoinedLinear(scope, o.memory_channels, {{"key", o.heads * o.key_width}, {"value", o.heads * o.value_width}});
}

}  // namespace

MultiHeadAttention::MultiHeadAttention(const Scope& scope, const Options& given)
    : path(scope.path()),
      options(complete(given, scope.path())),
      from_queries(scope, options.channels, query_parts(options)),
      from_memory(memory_projection(scope, options)),
      output(scope / "output", {options.heads * options.value_width, options.channels}),
      site(scope.new_site()) {}

template <Scalar T>
Var<T> MultiHeadAttention::attend(RowBlock<T> query, RowBlock<T> key, RowBlock<T> value, const Mask& mask,
                                  const Pass& pass) const {
  const RandomStream random = pass.dropout_stream(site);
  const AttentionKernel kernel = pass.observer != nullptr ? AttentionKernel::whole : options.kernel;
  const auto [context, weights] = attention(query, key, value,
                                            {.heads = options.heads,
                                             .scale = options.scale,
                                             .mask = mask,
                                             .dropout = pass.training ? options.dropout : 0,
                                             .random = &random,
                                             .first_example = pass.first_example,
                                             .kernel = kernel});
  if (pass.observer != nullptr) {
    const std::int64_t keys = key.x.shape().columns;
    const std::int64_t queries = query.x.shape().columns;
    (*pass.observer)({path, options.heads, keys, queries, query.x.shape().slices,
                      [&, w = weights](std::int64_t head, std::int64_t q, std::int64_t k, std::int64_t slice) {
                        const std::int64_t at = k + keys * (q + queries * (head + options.heads * slice));
                        return static_cast<double>(real_part(w[at]));
                      }});
  }
  return output(context);
}

template <Scalar T>
Var<T> MultiHeadAttention::operator()(Var<T> x, const Mask& mask, const Pass& pass) const {
  if (from_memory) throw ConfigError(fmt::format("{}: cross-attention needs a memory", path));
  const Var<T> joined = from_queries(x);
  const std::int64_t keys = options.heads * options.key_width;
  const std::int64_t values = options.heads * options.value_width;
  return attend<T>({joined, 0, keys}, {joined, keys, keys}, {joined, 2 * keys, values}, mask, pass);
}

template <Scalar T>
Var<T> MultiHeadAttention::operator()(Var<T> x, Var<T> memory, const Mask& mask, const Pass& pass) const {
  if (!from_memory) throw ConfigError(fmt::format("{}: self-attention takes no memory", path));
  const Var<T> joined = (*from_memory)(memory);
  const std::int64_t keys = options.heads * options.key_width;
  const std::int64_t values = options.heads * options.value_width;
  return attend<T>(RowBlock<T>::all(from_queries(x)), {joined, 0, keys}, {joined, keys, values}, mask, pass);
}

template Var<float> MultiHeadAttention::operator()(Var<float>, const Mask&, const Pass&) const;
template Var<double> MultiHeadAttention::operator()(Var<double>, const Mask&, const Pass&) const;
template Var<std::complex<double>> MultiHeadAttention::operator()(Var<std::complex<double>>, const Mask&,
                                                                  const Pass&) const;
template Var<float> MultiHeadAttention::operator()(Var<float>, Var<float>, const Mask&, const Pass&) const;
template Var<double> MultiHeadAttention::operator()(Var<double>, Var<double>, const Mask&, const Pass&) const;
template Var<std::complex<double>> MultiHeadAttention::operator()(Var<std::complex<double>>, Var<std::complex<double>>,
                                                                  const Mask&, const Pass&) const;

LayerSpec layer_spec_multi_head_attention() {
  const auto self = [](const std::string& label, const MultiHeadAttention::Options& options) {
    return layer_case(
        "multi_head_attention/" + label, {sample_activations()},
        [options](const Scope& scope) { return MultiHeadAttention(scope, options); },
        [](const MultiHeadAttention& layer, auto&, auto x) {
          return layer(x[0], Mask::causal(), Pass{.training = true, .seed = 5});
        });
  };
  const InputSpec memory{.shape = {5, 3, 2}, .low = -1, .high = 1, .name = "memory"};
  return {"multi_head_attention",
          {self("causal_with_dropout", {.channels = 6, .heads = 2, .key_width = 2, .value_width = 5, .dropout = 0.3}),
           self("tiled", {.channels = 6, .heads = 3, .dropout = 0.3, .kernel = AttentionKernel::tiled}),
           layer_case(
               "multi_head_attention/to_a_memory_of_other_width", {sample_activations(), memory},
               [](const Scope& scope) {
                 return MultiHeadAttention(scope, {.channels = 6, .memory_channels = 5, .heads = 3, .scale = 0.25});
               },
               [](const MultiHeadAttention& layer, auto&, auto x) {
                 return layer(x[0], x[1], Mask::padding({.lengths = kSampleLengths}), Pass{});
               })}};
}

}  // namespace tapehead
