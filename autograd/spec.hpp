#pragma once

#include <complex>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "autograd/tape.hpp"

namespace tapehead {

template <Scalar T>
using Inputs = std::span<const Var<T>>;

/// One callable for the three scalars, made from a generic lambda:
/// `[](auto x) { return softmax(x[0]); }`, where x is an Inputs<T>.
class GenericFunction {
 public:
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, GenericFunction>)
  GenericFunction(F f) : float_(f), double_(f), complex_(f) {}

  template <Scalar T>
  Var<T> operator()(Inputs<T> inputs) const {
    if constexpr (std::same_as<T, float>) {
      return float_(inputs);
    } else if constexpr (std::same_as<T, double>) {
      return double_(inputs);
    } else {
      return complex_(inputs);
    }
  }

 private:
  std::function<Var<float>(Inputs<float>)> float_;
  std::function<Var<double>(Inputs<double>)> double_;
  std::function<Var<std::complex<double>>(Inputs<std::complex<double>>)> complex_;
};

/// One sample input: its shape and the interval that its elements are drawn from, uniformly.
struct InputSpec {
  Shape shape;
  double low = -2;
  double high = 2;
};

/// A way of calling the op that must have right gradients: `label` names shape and options, "K5_Q3".
struct OpCase {
  std::string label;
  std::vector<InputSpec> inputs;
  GenericFunction call;
};

/// A call that must throw ShapeError, ConfigError or DataError, with `message` in its text, in every scalar, whether or
/// not a gradient is wanted.
struct OpRefusal {
  std::string label;
  std::vector<Shape> inputs;
  GenericFunction call;
  std::string message;
};

/// What an op promises, as data. Its tests and the `gradcheck` command are made from this alone.
struct OpSpec {
  std::string name;
  std::vector<OpCase> cases;
  std::vector<OpRefusal> refusals = {};
  /// Input values where the op has no derivative; samples keep away from them.
  std::vector<double> kinks = {};
};

/// The specs of every op that is built, by name. Generated from the list of op sources: an op without one does not link.
const std::vector<OpSpec>& op_specs();

}  // namespace tapehead
