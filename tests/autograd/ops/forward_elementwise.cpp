#include <cmath>
#include <numbers>

#include "autograd/ops/add.hpp"
#include "autograd/ops/exp.hpp"
#include "autograd/ops/gelu.hpp"
#include "autograd/ops/gelu_tanh.hpp"
#include "autograd/ops/log.hpp"
#include "autograd/ops/multiply.hpp"
#include "autograd/ops/relu.hpp"
#include "autograd/ops/scale.hpp"
#include "autograd/ops/sigmoid.hpp"
#include "autograd/ops/silu.hpp"
#include "autograd/ops/subtract.hpp"
#include "autograd/ops/tanh.hpp"
#include "tests/autograd/ops/forward_oracles.hpp"

namespace tapehead {
namespace {

using Call = std::function<Var<double>(Inputs<double>)>;

ForwardOracle unary(const std::string& op, double low, double high, const Call& call, long double (*f)(long double)) {
  const auto expected = [f](PlainInputs x) {
    return Plain::of(x[0].shape, [&](auto r, auto c, auto s) { return f(x[0](r, c, s)); });
  };
  return {op,
          {{"scalar", {{{}, low, high}}, call, expected},
           {"R3_C5_S2", {{{3, 5, 2}, low, high}}, call, expected},
           {"R17_C3", {{{17, 3}, low, high}}, call, expected}}};
}

ForwardOracle binary(const std::string& op, const Call& call, long double (*f)(long double, long double)) {
  const auto expected = [f](PlainInputs x) {
    return Plain::of(x[0].shape, [&](auto r, auto c, auto s) { return f(x[0](r, c, s), x[1](r, c, s)); });
  };
  return {op,
          {{"scalar", {{{}}, {{}}}, call, expected},
           {"R3_C5_S2", {{{3, 5, 2}}, {{3, 5, 2}}}, call, expected},
           {"R17_C3", {{{17, 3}}, {{17, 3}}}, call, expected}}};
}

}  // namespace

std::vector<ForwardOracle> elementwise_oracles() {
  return {
      binary(
          "add", [](auto x) { return add(x[0], x[1]); }, [](long double a, long double b) { return a + b; }),
      binary(
          "subtract", [](auto x) { return subtract(x[0], x[1]); }, [](long double a, long double b) { return a - b; }),
      binary(
          "multiply", [](auto x) { return multiply(x[0], x[1]); }, [](long double a, long double b) { return a * b; }),
      unary(
          "scale", -2, 2, [](auto x) { return scale(x[0], -0.75); }, [](long double x) { return -0.75L * x; }),
      unary(
          "exp", -5, 3, [](auto x) { return exp(x[0]); }, [](long double x) { return std::exp(x); }),
      unary(
          "log", 0.01, 9, [](auto x) { return log(x[0]); }, [](long double x) { return std::log(x); }),
      unary(
          "tanh", -4, 4, [](auto x) { return tanh(x[0]); },
          [](long double x) { return (std::exp(x) - std::exp(-x)) / (std::exp(x) + std::exp(-x)); }),
      unary(
          "sigmoid", -8, 8, [](auto x) { return sigmoid(x[0]); },
          [](long double x) { return std::exp(x) / (1 + std::exp(x)); }),
      unary(
          "relu", -2, 2, [](auto x) { return relu(x[0]); }, [](long double x) { return x < 0 ? 0 : x; }),
      // The normal distribution from its other tail, by erfc.
      unary(
          "gelu", -4, 4, [](auto x) { return gelu(x[0]); },
          [](long double x) { return x * std::erfc(-x / std::numbers::sqrt2_v<long double>) / 2; }),
      unary(
          "gelu_tanh", -4, 4, [](auto x) { return gelu_tanh(x[0]); },
          [](long double x) {
            const long double u = std::sqrt(2 / std::numbers::pi_v<long double>) * (x + 0.044715L * x * x * x);
            return x * (1 + std::tanh(u)) / 2;
          }),
      unary(
          "silu", -8, 8, [](auto x) { return silu(x[0]); }, [](long double x) { return x / (1 + std::exp(-x)); }),
  };
}

}  // namespace tapehead
