#pragma once

#include <complex>
#include <functional>
#include <vector>

#include "autograd/spec.hpp"
#include "autograd/tape.hpp"

namespace tapehead::testing_support {

/// One callable for the three scalars, made from a generic lambda: `[&](auto& tape, auto x) { return layer(x[0]); }`,
/// where x is an Inputs<T>.
class LayerFunction {
 public:
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, LayerFunction>) LayerFunction(F f)
      : float_(f), double_(f), complex_(f) {}

  template <Scalar T>
  Var<T> operator()(Tape<T>& tape, Inputs<T> inputs) const {
    if constexpr (std::same_as<T, float>) {
      return float_(tape, inputs);
    } else if constexpr (std::same_as<T, double>) {
      return double_(tape, inputs);
    } else {
      return complex_(tape, inputs);
    }
  }

 private:
  template <Scalar T>
  using Call = std::function<Var<T>(Tape<T>&, Inputs<T>)>;
  Call<float> float_;
  Call<double> double_;
  Call<std::complex<double>> complex_;
};

/// Values for a store of `layout`, every one of them away from its starting value, so that biases and gains matter too.
std::vector<double> drawn_parameters(const ParameterLayout& layout, std::uint64_t seed);

/// `values`, laid out as drawn_parameters() gives them, in a store.
template <Scalar T>
void fill(ParameterStore<T>& store, const std::vector<double>& values) {
  std::copy(values.begin(), values.end(), store.values().data());
}

/// `count` numbers, uniform in ±1.
std::vector<double> drawn_numbers(std::int64_t count, std::uint64_t seed);

/// Expects, of a layer with drawn parameters, inputs and cotangent:
/// - the gradient of every input and every parameter in double within 1e-12 of the complex step, which differentiates
///   the forward pass alone;
/// - values and gradients in float within 1e-4 of those in double.
/// Errors are |a − b| / max(1, |b|).
void check_layer(const ParameterLayout& layout, const std::vector<Shape>& inputs, const LayerFunction& layer);

}  // namespace tapehead::testing_support
