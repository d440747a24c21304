#include "layers/convolution/gated_convolution.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/ops/gated.hpp"
#include "autograd/ops/unfold.hpp"
#include "layers/attention/key_value_cache.hpp"
#include "layers/spec.hpp"

namespace tapehead {

GatedConvolution::GatedConvolution(const Scope& scope, const Options& o)
    : from_neighbours(scope, o.width * o.channels, {{"gate", o.channels}, {"inner", o.channels}}),
      dropout(scope, o.dropout),
      width(o.width),
      causal(o.causal),
      site(scope.new_site()) {
  if (o.width < 1) throw ConfigError(fmt::format("{}: a width of at least 1, not {}", scope.path(), o.width));
}

template <Scalar T>
Var<T> GatedConvolution::operator()(Var<T> x, const std::int32_t* lengths, const Pass& pass) const {
  x = dropout(x, pass);
  Neighbours neighbours{.width = width, .left = causal ? width - 1 : (width - 1) / 2, .lengths = lengths};
  Var<T> read = x;
  if (causal && pass.cache != nullptr) {
    KeyValueCache<T>& cache = KeyValueCache<T>::of(pass);
    if (const Var<T> all = cache.extend(site, RowBlock<T>::all(x))) {
      read = all;
      neighbours.lengths = cache.with();
      neighbours.first = cache.before();
      neighbours.columns = x.shape().columns;
    }
  }
  return gated(from_neighbours(unfold(read, neighbours)), Activation::sigmoid);
}

template Var<float> GatedConvolution::operator()(Var<float>, const std::int32_t*, const Pass&) const;
template Var<double> GatedConvolution::operator()(Var<double>, const std::int32_t*, const Pass&) const;
template Var<std::complex<double>> GatedConvolution::operator()(Var<std::complex<double>>, const std::int32_t*,
                                                                const Pass&) const;

LayerSpec layer_spec_gated_convolution() {
  std::vector<ProblemCase> cases;
  const auto with = [&](const std::string& label, const GatedConvolution::Options& options) {
    cases.push_back(layer_case(
        "gated_convolution/" + label, {sample_activations()},
        [options](const Scope& scope) { return GatedConvolution(scope, options); },
        [](const GatedConvolution& layer, auto&, auto x) {
          return layer(x[0], kSampleLengths, Pass{.training = true, .seed = 5});
        }));
  };
  with("centred", {.channels = 6, .width = 3});
  with("causal", {.channels = 6, .width = 3, .causal = true, .dropout = 0.2});
  with("even_width", {.channels = 6, .width = 2});
  with("wide", {.channels = 6, .width = 9, .causal = true});
  return {"gated_convolution", std::move(cases)};
}

}  // namespace tapehead
