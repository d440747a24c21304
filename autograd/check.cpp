#include "autograd/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
#include "autograd/ops/add.hpp"

namespace tapehead {
namespace {

using Complex = std::complex<double>;
using Vector = std::vector<double>;

// Input values away from kinks, one vector an input.
std::vector<Vector> draw_inputs(const OpSpec& spec, const OpCase& op_case, std::uint64_t seed) {
  constexpr double kDistanceToKink = 0.05;
  const RandomStream random(seed, Purpose::gradient_check);
  std::vector<Vector> inputs;
  for (const InputSpec& input : op_case.inputs) {
    Vector values(static_cast<std::size_t>(input.shape.size()));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto near_kink = [&](double x) {
        return std::any_of(spec.kinks.begin(), spec.kinks.end(),
                           [&](double kink) { return std::abs(x - kink) < kDistanceToKink; });
      };
      std::uint32_t attempt = 0;
      do {
        values[i] = input.low + (input.high - input.low) * random.uniform(static_cast<std::uint32_t>(inputs.size()),
                                                                          static_cast<std::uint32_t>(i), attempt++);
      } while (near_kink(values[i]));
    }
    inputs.push_back(std::move(values));
  }
  return inputs;
}

Vector draw_cotangent(std::size_t size, std::uint64_t seed) {
  const RandomStream random(seed, Purpose::gradient_check, 1);
  Vector cotangent(size);
  for (std::size_t i = 0; i < size; ++i) cotangent[i] = 2 * random.uniform(0, static_cast<std::uint32_t>(i)) - 1;
  return cotangent;
}

template <Scalar T>
std::vector<T> cast(const Vector& values) {
  return {values.begin(), values.end()};
}

// Values, and the gradient of each input contracted with the cotangent (empty where none was asked for).
template <Scalar T>
struct Evaluation {
  std::vector<T> y;
  std::vector<std::vector<T>> gradients;
};

constexpr unsigned kAllInputs = ~0U;

// `wanted` has bit i set if input i needs a gradient. With `alias` = {i, j}, input j is the variable of input i.
struct Variation {
  unsigned wanted = kAllInputs;
  bool applied_twice = false;
  int alias_from = -1;
  int alias_to = -1;
};

template <Scalar T>
Evaluation<T> evaluate(const OpCase& op_case, const std::vector<std::vector<T>>& inputs, const Vector& cotangent,
                       const Variation& variation = {}) {
  Tape<T> tape;
  std::vector<Var<T>> vars;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool wanted = (variation.wanted >> i & 1U) != 0;
    if (static_cast<int>(i) == variation.alias_to) {
      vars.push_back(vars[static_cast<std::size_t>(variation.alias_from)]);
    } else if (wanted) {
      vars.push_back(tape.input(op_case.inputs[i].shape, inputs[i].data()));
    } else {
      vars.push_back(tape.constant(op_case.inputs[i].shape, inputs[i].data()));
    }
  }
  Var<T> y = op_case.call(Inputs<T>(vars));
  Evaluation<T> result;
  result.y.assign(y.data(), y.data() + y.shape().size());
  if (variation.applied_twice) y = add(y, op_case.call(Inputs<T>(vars)));
  if (variation.wanted == 0 || cotangent.empty()) return result;

  tape.backward(y, cast<T>(cotangent).data());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    std::vector<T>& gradient = result.gradients.emplace_back();
    if ((variation.wanted >> i & 1U) == 0) continue;
    gradient.assign(inputs[i].size(), T(0));
    if (const T* found = tape.gradient(vars[i])) gradient.assign(found, found + inputs[i].size());
  }
  return result;
}

double contract(const Vector& cotangent, const Vector& y) {
  double sum = 0;
  for (std::size_t i = 0; i < y.size(); ++i) sum += cotangent[i] * y[i];
  return sum;
}

double relative_error(double found, double expected) {
  const double error = std::abs(found - expected) / std::max(1.0, std::abs(expected));
  return std::isnan(error) ? HUGE_VAL : error;
}

double by_complex_step(const OpCase& op_case, const std::vector<Vector>& inputs, const Vector& cotangent, std::size_t k,
                       std::size_t i) {
  constexpr double kStep = 0x1p-332;  // squares underflow, quotients stay normal
  std::vector<std::vector<Complex>> at;
  for (const Vector& input : inputs) at.push_back(cast<Complex>(input));
  at[k][i] += Complex(0, kStep);
  Vector imaginary;
  for (const Complex& y : evaluate<Complex>(op_case, at, {}, {.wanted = 0}).y) imaginary.push_back(y.imag() / kStep);
  return contract(cotangent, imaginary);
}

double by_differences(const OpCase& op_case, const std::vector<Vector>& inputs, const Vector& cotangent, std::size_t k,
                      std::size_t i) {
  constexpr double kStep = 0x1p-7;  // balances h^6 against rounding / h
  constexpr double kWeights[] = {3.0 / 4, -3.0 / 20, 1.0 / 60};
  double derivative = 0;
  for (int m = 1; m <= 3; ++m) {
    Vector difference;
    for (const double sign : {1.0, -1.0}) {
      std::vector<Vector> at = inputs;
      at[k][i] += sign * m * kStep;
      const Vector y = evaluate<double>(op_case, at, {}, {.wanted = 0}).y;
      difference.resize(y.size());
      for (std::size_t e = 0; e < y.size(); ++e) difference[e] += sign * y[e];
    }
    derivative += kWeights[m - 1] * contract(cotangent, difference);
  }
  return derivative / kStep;
}

// Collects the first failure and the largest error of each kind.
class Findings {
 public:
  explicit Findings(CaseReport& report) : report_(report) {}

  void note(double& worst, double error, double bound, const char* what, std::size_t input, std::size_t element) {
    worst = std::max(worst, error);
    if (error > bound) fail(fmt::format("{} of input {} element {} is off by {:.2e}", what, input, element, error));
  }
  void fail(std::string failure) {
    if (report_.failure.empty()) report_.failure = std::move(failure);
  }

 private:
  CaseReport& report_;
};

void check_oracles(const OpCase& op_case, const std::vector<Vector>& inputs, const Vector& cotangent,
                   const Evaluation<double>& analytic, const CheckBounds& bounds, CaseReport& report, Findings& found) {
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    for (std::size_t i = 0; i < inputs[k].size(); ++i) {
      const double gradient = analytic.gradients[k][i];
      const double exact = by_complex_step(op_case, inputs, cotangent, k, i);
      const double numeric = by_differences(op_case, inputs, cotangent, k, i);
      found.note(report.complex_step_error, relative_error(gradient, exact), bounds.complex_step,
                 "gradient against the complex step", k, i);
      found.note(report.difference_error, relative_error(gradient, numeric), bounds.difference,
                 "gradient against central differences", k, i);
      ++report.derivatives;
    }
  }
  if (report.derivatives == 0) found.fail("no derivative was checked");
}

void check_subsets(const OpCase& op_case, const std::vector<Vector>& inputs, const Vector& cotangent,
                   const Evaluation<double>& full, Findings& found) {
  for (unsigned wanted = 0; wanted + 1 < 1U << inputs.size(); ++wanted) {
    const auto part = evaluate<double>(op_case, inputs, cotangent, {.wanted = wanted});
    if (part.y != full.y) found.fail(fmt::format("values change when only the inputs {:#b} need a gradient", wanted));
    for (std::size_t k = 0; k < part.gradients.size(); ++k) {
      if ((wanted >> k & 1U) != 0 && part.gradients[k] != full.gradients[k]) {
        found.fail(fmt::format("gradient of input {} changes when only the inputs {:#b} need one", k, wanted));
      }
    }
  }
}

void check_accumulation(const OpCase& op_case, const std::vector<Vector>& inputs, const Vector& cotangent,
                        const Evaluation<double>& once, const CheckBounds& bounds, Findings& found) {
  double worst = 0;
  const auto twice = evaluate<double>(op_case, inputs, cotangent, {.applied_twice = true});
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    for (std::size_t i = 0; i < inputs[k].size(); ++i) {
      found.note(worst, relative_error(twice.gradients[k][i], 2 * once.gradients[k][i]), bounds.complex_step,
                 "gradient after two uses", k, i);
    }
  }
  for (std::size_t a = 0; a < inputs.size(); ++a) {
    for (std::size_t b = a + 1; b < inputs.size(); ++b) {
      if (op_case.inputs[a].shape != op_case.inputs[b].shape) continue;
      std::vector<Vector> same = inputs;
      same[b] = same[a];
      const auto apart = evaluate<double>(op_case, same, cotangent);
      const auto aliased = evaluate<double>(op_case, same, cotangent,
                                            {.alias_from = static_cast<int>(a), .alias_to = static_cast<int>(b)});
      for (std::size_t i = 0; i < same[a].size(); ++i) {
        found.note(worst, relative_error(aliased.gradients[a][i], apart.gradients[a][i] + apart.gradients[b][i]),
                   bounds.complex_step, "gradient of a variable used as two inputs", a, i);
      }
    }
  }
}

void check_float(const OpCase& op_case, const std::vector<Vector>& inputs, const Vector& cotangent,
                 const Evaluation<double>& exact, const CheckBounds& bounds, CaseReport& report, Findings& found) {
  std::vector<std::vector<float>> at;
  for (const Vector& input : inputs) at.push_back(cast<float>(input));
  const auto rough = evaluate<float>(op_case, at, cotangent);
  for (std::size_t i = 0; i < exact.y.size(); ++i) {
    found.note(report.float_value_error, relative_error(rough.y[i], exact.y[i]), bounds.float_value, "float value", 0,
               i);
  }
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    for (std::size_t i = 0; i < inputs[k].size(); ++i) {
      found.note(report.float_gradient_error, relative_error(rough.gradients[k][i], exact.gradients[k][i]),
                 bounds.float_gradient, "float gradient", k, i);
    }
  }
}

template <Scalar T>
std::string refuse(const OpSpec& spec, const OpRefusal& refusal, bool with_gradients) {
  Tape<T> tape;
  std::vector<Var<T>> vars;
  for (const Shape& shape : refusal.inputs) {
    const std::vector<T> values(static_cast<std::size_t>(shape.size()), T(1));
    vars.push_back(with_gradients ? tape.input(shape, values.data()) : tape.constant(shape, values.data()));
  }
  try {
    refusal.call(Inputs<T>(vars));
  } catch (const Error& error) {
    const std::string said = error.what();
    if (said.find(refusal.message) != std::string::npos) return {};
    return fmt::format("{}/{}: refused with \"{}\", not \"{}\"", spec.name, refusal.label, said, refusal.message);
  }
  return fmt::format("{}/{}: was not refused", spec.name, refusal.label);
}

}  // namespace

CaseReport check_case(const OpSpec& spec, const OpCase& op_case, std::uint64_t seed, const CheckBounds& bounds) {
  CaseReport report{.op = spec.name, .label = op_case.label, .failure = {}};
  Findings found(report);
  const std::vector<Vector> inputs = draw_inputs(spec, op_case, seed);
  const std::size_t outputs = evaluate<double>(op_case, inputs, {}, {.wanted = 0}).y.size();
  const Vector cotangent = draw_cotangent(outputs, seed);
  const auto analytic = evaluate<double>(op_case, inputs, cotangent);

  check_oracles(op_case, inputs, cotangent, analytic, bounds, report, found);
  check_subsets(op_case, inputs, cotangent, analytic, found);
  check_accumulation(op_case, inputs, cotangent, analytic, bounds, found);
  check_float(op_case, inputs, cotangent, analytic, bounds, report, found);
  return report;
}

std::string check_refusal(const OpSpec& spec, const OpRefusal& refusal) {
  for (const bool with_gradients : {false, true}) {
    for (const std::string& wrong :
         {refuse<float>(spec, refusal, with_gradients), refuse<double>(spec, refusal, with_gradients),
          refuse<Complex>(spec, refusal, with_gradients)}) {
      if (!wrong.empty()) return wrong;
    }
  }
  return {};
}

}  // namespace tapehead
