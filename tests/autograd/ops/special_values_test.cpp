// Curves at zero, at tiny and at large arguments, values and slopes, against closed forms in long double.

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <functional>
#include <limits>
#include <numbers>
#include <vector>

#include "autograd/ops/exp.hpp"
#include "autograd/ops/gelu.hpp"
#include "autograd/ops/gelu_tanh.hpp"
#include "autograd/ops/layer_norm.hpp"
#include "autograd/ops/log.hpp"
#include "autograd/ops/log_softmax.hpp"
#include "autograd/ops/relu.hpp"
#include "autograd/ops/rms_norm.hpp"
#include "autograd/ops/sigmoid.hpp"
#include "autograd/ops/silu.hpp"
#include "autograd/ops/softmax.hpp"
#include "autograd/ops/tanh.hpp"

namespace tapehead {
namespace {

using Long = long double;

Long logistic(Long x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }
Long density(Long x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi_v<Long>); }
Long distribution(Long x) { return std::erfc(-x / std::numbers::sqrt2_v<Long>) / 2; }
Long doubled_argument(Long x) { return 2 * std::sqrt(2 / std::numbers::pi_v<Long>) * (x + 0.044715L * x * x * x); }
Long doubled_argument_slope(Long x) {
  return 2 * std::sqrt(2 / std::numbers::pi_v<Long>) * (1 + 3 * 0.044715L * x * x);
}

struct CurveCase {
  const char* name;
  std::function<Var<double>(Var<double>)> call;
  Long (*value)(Long);
  Long (*slope)(Long);
  bool positive = false;
};

const std::vector<CurveCase>& curves() {
  static const std::vector<CurveCase> all{
      {"exp", exp<double>, [](Long x) { return std::exp(x); }, [](Long x) { return std::exp(x); }},
      {"log", log<double>, [](Long x) { return std::log(x); }, [](Long x) { return 1 / x; }, true},
      {"tanh", tanh<double>, [](Long x) { return std::tanh(x); },
       [](Long x) { return 1 / (std::cosh(x) * std::cosh(x)); }},
      {"sigmoid", sigmoid<double>, logistic, [](Long x) { return logistic(x) * logistic(-x); }},
      {"relu", relu<double>, [](Long x) { return x > 0 ? x : 0; }, [](Long x) { return x > 0 ? Long(1) : Long(0); }},
      {"gelu", gelu<double>, [](Long x) { return x * distribution(x); },
       [](Long x) { return distribution(x) + x * density(x); }},
      {"gelu_tanh", gelu_tanh<double>, [](Long x) { return x * logistic(doubled_argument(x)); },
       [](Long x) {
         const Long s = logistic(doubled_argument(x));
         return s + x * s * logistic(-doubled_argument(x)) * doubled_argument_slope(x);
       }},
      {"silu", silu<double>, [](Long x) { return x * logistic(x); },
       [](Long x) { return logistic(x) * (1 + x * logistic(-x)); }},
  };
  return all;
}

// A vector's worth of each, so that every lane and the rest of a vector sees them.
std::vector<double> arguments(bool positive) {
  std::vector<double> sizes{1e-300, 1e-20, 1e-8, 1e-4, 0.1, 0.5, 1,  2,  3,  4,   5,  5.5,
                            6,      7,     8,    10,   15,  19,  25, 36, 60, 200, 700};
  if (positive) sizes.insert(sizes.end(), {1e6, 1e20, 1e300});
  std::vector<double> all;
  for (const double size : sizes) {
    all.push_back(size);
    if (!positive) all.push_back(-size);
  }
  if (!positive) all.insert(all.end(), {0.0, -0.0});
  return all;
}

TEST(SpecialValues, CurvesAndTheirSlopes) {
  for (const CurveCase& curve : curves()) {
    const std::vector<double> x = arguments(curve.positive);
    const std::vector<double> ones(x.size(), 1.0);
    Tape<double> tape;
    const Var<double> in = tape.input({static_cast<std::int64_t>(x.size())}, x.data());
    const Var<double> y = curve.call(in);
    tape.backward(y, ones.data());
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Long value = curve.value(x[i]);
      const Long slope = curve.slope(x[i]);
      // Digits, and what an op that forms x · Φ(x) or 1 − y² rounds beside.
      const auto beside = static_cast<double>(4 * 0x1p-52L * std::min<Long>(std::max<Long>(1, std::abs(x[i])), 100));
      EXPECT_NEAR(y.data()[i], static_cast<double>(value), 1e-14 * std::abs(static_cast<double>(value)) + beside)
          << curve.name << " of " << x[i];
      EXPECT_NEAR(tape.gradient(in)[i], static_cast<double>(slope),
                  1e-14 * std::abs(static_cast<double>(slope)) + 4 * beside)
          << "slope of " << curve.name << " at " << x[i];
    }
  }
}

// The largest numbers that there are: a power on the way must not make them infinite, and infinity times 0 no number.
template <Scalar T>
void expect_saturation(const std::vector<Var<T> (*)(Var<T>)>& curves_to_infinity) {
  const Real<T> most = std::numeric_limits<Real<T>>::max();
  for (const auto curve : curves_to_infinity) {
    std::vector<T> x;
    for (const Real<T> size : {Real<T>(1e10), Real<T>(1e15), Real<T>(1e25), most}) {
      x.push_back(T(size));
      x.push_back(T(-size));
    }
    const std::vector<T> ones(x.size(), T(1));
    Tape<T> tape;
    const Var<T> in = tape.input({static_cast<std::int64_t>(x.size())}, x.data());
    const Var<T> y = curve(in);
    tape.backward(y, ones.data());
    for (std::size_t i = 0; i < x.size(); ++i) {
      EXPECT_EQ(y.data()[i], i % 2 == 0 ? x[i] : T(0)) << x[i];
      EXPECT_EQ(tape.gradient(in)[i], i % 2 == 0 ? T(1) : T(0)) << x[i];
    }
  }
}

TEST(SpecialValues, CurvesOfHugeNumbersAreTheNumbersOrZero) {
  expect_saturation<float>({gelu<float>, gelu_tanh<float>, silu<float>, relu<float>});
  expect_saturation<double>({gelu<double>, gelu_tanh<double>, silu<double>, relu<double>});
  expect_saturation<std::complex<double>>(
      {gelu_tanh<std::complex<double>>, silu<std::complex<double>>, relu<std::complex<double>>});
}

// What is tiny by right is right to its digits where the op promises it.
TEST(SpecialValues, TailsKeepTheirDigits) {
  for (const double x : {-5.5, -20.0, -40.0, -300.0, -700.0}) {
    for (const char* name : {"exp", "sigmoid", "silu"}) {
      for (const CurveCase& curve : curves()) {
        if (std::string(curve.name) != name) continue;
        Tape<double> tape;
        const Var<double> in = tape.input({1}, &x);
        const Var<double> y = curve.call(in);
        const double one = 1;
        tape.backward(y, &one);
        const auto value = static_cast<double>(curve.value(x));
        const auto slope = static_cast<double>(curve.slope(x));
        EXPECT_NEAR(y.data()[0], value, 1e-13 * std::abs(value)) << name << " of " << x;
        EXPECT_NEAR(tape.gradient(in)[0], slope, 1e-13 * std::abs(slope)) << "slope of " << name << " at " << x;
      }
    }
  }
}

// Columns with ties, with one large element and with tiny probabilities: d_x = y ∘ (d_y − yᵀ d_y) in long double.
TEST(SpecialValues, SoftmaxOfTiesAndOfTinyProbabilities) {
  const std::vector<std::vector<double>> columns{{0, 0, 0, 0, 0},
                                                 {1, 1, 1, -40, -40},
                                                 {0, -14, -16, -20, -30},
                                                 {3, 3, -1e3, -1e3, 3},
                                                 {-0.0, 0.0, 1e-300, -1e-300, 0}};
  const std::vector<double> d_y{1, -0.5, 2, 0.25, -3};
  for (const auto& column : columns) {
    std::vector<Long> p;
    Long total = 0;
    for (const double x : column) total += std::exp(static_cast<Long>(x));
    for (const double x : column) p.push_back(std::exp(static_cast<Long>(x)) / total);
    Long inner = 0, sum = 0;
    for (std::size_t i = 0; i < 5; ++i) {
      inner += p[i] * static_cast<Long>(d_y[i]);
      sum += static_cast<Long>(d_y[i]);
    }
    Tape<double> tape;
    const Var<double> x = tape.input({5}, column.data());
    const Var<double> y = softmax(x);
    tape.backward(y, d_y.data());
    Tape<double> log_tape;
    const Var<double> log_x = log_tape.input({5}, column.data());
    const Var<double> log_y = log_softmax(log_x);
    log_tape.backward(log_y, d_y.data());
    for (std::size_t i = 0; i < 5; ++i) {
      const auto value = static_cast<double>(p[i]);
      const auto slope = static_cast<double>(p[i] * (static_cast<Long>(d_y[i]) - inner));
      EXPECT_NEAR(y.data()[i], value, 1e-14 * value);
      EXPECT_NEAR(tape.gradient(x)[i], slope, 1e-14 * (std::abs(slope) + value));
      if (value == 0) continue;
      EXPECT_NEAR(log_y.data()[i], static_cast<double>(std::log(p[i])), 1e-13);
      EXPECT_NEAR(log_tape.gradient(log_x)[i], static_cast<double>(static_cast<Long>(d_y[i]) - p[i] * sum), 1e-13);
    }
  }
}

// A column without spread, or of zeros, is its bias, or zero; its gradient is finite, and that of a constant.
TEST(SpecialValues, NormsOfConstantColumns) {
  const std::vector<double> gain{1, -2, 0.5}, bias{3, 4, 5}, d_y{1, -1, 2};
  for (const double constant : {0.0, 1.0, -7.0, 1e-300}) {
    const std::vector<double> x(3, constant);
    Tape<double> tape;
    const Var<double> in = tape.input({3}, x.data());
    const Var<double> y = layer_norm(in, tape.constant({3}, gain.data()), tape.constant({3}, bias.data()));
    tape.backward(y, d_y.data());
    const double e[] = {1, 2, 1};  // gain ∘ d_y
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(y.data()[i], bias[i]);
      EXPECT_NEAR(tape.gradient(in)[i], (e[i] - 4.0 / 3) / std::sqrt(1e-5), 1e-9);
    }
  }
  const std::vector<double> zeros(3, 0.0);
  Tape<double> tape;
  const Var<double> in = tape.input({3}, zeros.data());
  const Var<double> y = rms_norm(in, tape.constant({3}, gain.data()), 1e-5);
  tape.backward(y, d_y.data());
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(y.data()[i], 0);
    EXPECT_NEAR(tape.gradient(in)[i], gain[i] * d_y[i] / std::sqrt(1e-5), 1e-9);
  }
}

}  // namespace
}  // namespace tapehead
