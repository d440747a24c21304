#include "layers/pooling.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/ops/matmul.hpp"
#include "layers/spec.hpp"

namespace tapehead {

Pooling parse_pooling(const std::string& text) {
  if (text == "first") return Pooling::first;
  if (text == "mean") return Pooling::mean;
  throw ConfigError(fmt::format("pooling: \"{}\" is none of first, mean", text));
}

// A product with the share that each column has, so that padding has none.
template <Scalar T>
Var<T> pooled(Var<T> x, Pooling pooling, const std::int32_t* lengths) {
  Tape<T>& tape = tape_of("pooled", {x});
  const auto [channels, positions, examples] = x.shape();
  const Shape shape{positions, 1, lengths == nullptr ? 1 : examples};
  T* shares = tape.allocate(shape.size());
  for (std::int64_t b = 0; b < shape.slices; ++b) {
    const std::int64_t present = lengths == nullptr ? positions : lengths[b];
    const std::int64_t taken = pooling == Pooling::first ? std::min<std::int64_t>(present, 1) : present;
    for (std::int64_t t = 0; t < positions; ++t) {
      shares[t + positions * b] = t < taken ? static_cast<T>(1.0 / static_cast<double>(taken)) : T(0);
    }
  }
  return matmul(x, tape.record("shares", shape, shares, {}, [](Pull<T>&) {}));
}

template Var<float> pooled(Var<float>, Pooling, const std::int32_t*);
template Var<double> pooled(Var<double>, Pooling, const std::int32_t*);
template Var<std::complex<double>> pooled(Var<std::complex<double>>, Pooling, const std::int32_t*);

LayerSpec layer_spec_pooling() {
  const auto with = [](const std::string& label, Pooling pooling, const std::int32_t* lengths) {
    return layer_case(
        "pooling/" + label, {sample_activations()}, [](const Scope&) { return 0; },
        [=](const int&, auto&, auto x) { return pooled(x[0], pooling, lengths); });
  };
  return {"pooling",
          {with("first", Pooling::first, nullptr), with("mean", Pooling::mean, nullptr),
           with("first_of_lengths", Pooling::first, kSampleLengths),
           with("mean_of_lengths", Pooling::mean, kSampleLengths)}};
}

}  // namespace tapehead
