#include "tests/support/layer_check.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "autograd/base/random.hpp"
#include "tests/support/comparison.hpp"

namespace tapehead::testing_support {
namespace {

using Complex = std::complex<double>;
using Numbers = std::vector<double>;

// Small enough that its square vanishes, large enough that no product of it with a value does.
const double kStep = std::ldexp(1.0, -332);

// Values of the output, and gradients of the inputs, one after another, and of the parameters as the store has them.
struct Evaluation {
  Numbers y, inputs, parameters;
};

template <Scalar T>
std::vector<T> cast(const Numbers& values) {
  return {values.begin(), values.end()};
}

template <Scalar T>
Evaluation evaluate(const ParameterLayout& layout, const std::vector<Shape>& shapes, const LayerFunction& layer,
                    const Numbers& parameters, const std::vector<Numbers>& inputs) {
  ParameterStore<T> store(layout);
  fill(store, parameters);
  Tape<T> tape(store);
  std::vector<Var<T>> x;
  for (std::size_t i = 0; i < shapes.size(); ++i) x.push_back(tape.input(shapes[i], cast<T>(inputs[i]).data()));
  const Var<T> y = layer(tape, Inputs<T>(x));
  Evaluation result;
  result.y.assign(y.data(), y.data() + y.shape().size());
  tape.backward(y, cast<T>(drawn_numbers(y.shape().size(), 3)).data());
  for (const Var<T>& each : x) {
    result.inputs.insert(result.inputs.end(), tape.gradient(each), tape.gradient(each) + each.shape().size());
  }
  result.parameters.assign(store.gradients().data(), store.gradients().data() + layout.flat_size());
  return result;
}

// The layer on complex numbers; its real parts are set once, an imaginary part for each derivative.
class ComplexLayer {
 public:
  ComplexLayer(const ParameterLayout& layout, const std::vector<Shape>& shapes, const LayerFunction& layer,
               const Numbers& parameters, const std::vector<Numbers>& inputs)
      : shapes_(shapes), layer_(layer), store_(layout), tape_(store_) {
    fill(store_, parameters);
    for (const Numbers& input : inputs) inputs_.push_back(cast<Complex>(input));
  }

  // The derivative of cotangent · y along one element.
  double derivative(Complex& element) {
    element.imag(kStep);
    double sum = 0;
    {
      const NoGrad<Complex> scope(tape_);
      std::vector<Var<Complex>> x;
      for (std::size_t i = 0; i < shapes_.size(); ++i) x.push_back(tape_.constant(shapes_[i], inputs_[i].data()));
      const Var<Complex> y = layer_(tape_, Inputs<Complex>(x));
      if (cotangent_.empty()) cotangent_ = drawn_numbers(y.shape().size(), 3);
      for (std::size_t i = 0; i < cotangent_.size(); ++i) sum += cotangent_[i] * (y.data()[i].imag() / kStep);
    }
    element.imag(0);
    return sum;
  }

  Numbers of_inputs() {
    Numbers derivatives;
    for (auto& input : inputs_) {
      for (Complex& element : input) derivatives.push_back(derivative(element));
    }
    return derivatives;
  }

  Numbers of_range(const ParameterRange& range) {
    Numbers derivatives;
    for (Complex& element : store_.values(range)) derivatives.push_back(derivative(element));
    return derivatives;
  }

 private:
  const std::vector<Shape>& shapes_;
  const LayerFunction& layer_;
  ParameterStore<Complex> store_;
  Tape<Complex> tape_;
  std::vector<std::vector<Complex>> inputs_;
  Numbers cotangent_;
};

}  // namespace

std::vector<double> drawn_numbers(std::int64_t count, std::uint64_t seed) {
  const RandomStream random(seed, Purpose::test);
  Numbers numbers(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = 2 * random.uniform(static_cast<std::uint32_t>(i)) - 1;
  return numbers;
}

std::vector<double> drawn_parameters(const ParameterLayout& layout, std::uint64_t seed) {
  Numbers values(static_cast<std::size_t>(layout.flat_size()), 0.0);
  const Numbers drawn = drawn_numbers(layout.flat_size(), seed);
  for (const ParameterRange& range : layout.ranges()) {
    for (std::int64_t i = range.offset; i < range.offset + range.shape.size(); ++i) {
      values[static_cast<std::size_t>(i)] = drawn[static_cast<std::size_t>(i)];
    }
  }
  return values;
}

void check_layer(const ParameterLayout& layout, const std::vector<Shape>& shapes, const LayerFunction& layer) {
  const Numbers parameters = drawn_parameters(layout, 1);
  std::vector<Numbers> inputs;
  for (const Shape& shape : shapes) inputs.push_back(drawn_numbers(shape.size(), 10 + inputs.size()));
  const Evaluation in_double = evaluate<double>(layout, shapes, layer, parameters, inputs);

  ComplexLayer complex_layer(layout, shapes, layer, parameters, inputs);
  Comparison exact(1e-12);
  if (!shapes.empty()) exact.near("gradient of the inputs", in_double.inputs, complex_layer.of_inputs());
  for (const ParameterRange& range : layout.ranges()) {
    const auto gradient =
        std::span(in_double.parameters)
            .subspan(static_cast<std::size_t>(range.offset), static_cast<std::size_t>(range.shape.size()));
    exact.near("gradient of " + range.name, gradient, complex_layer.of_range(range));
  }

  const Evaluation in_float = evaluate<float>(layout, shapes, layer, parameters, inputs);
  Comparison rounded(1e-4);
  rounded.near("value in float", in_float.y, in_double.y);
  if (!shapes.empty()) rounded.near("gradient of the inputs in float", in_float.inputs, in_double.inputs);
  rounded.near("gradient of the parameters in float", in_float.parameters, in_double.parameters);
}

}  // namespace tapehead::testing_support
