// What every op makes of handles that stand for no value: its spec alone says what its inputs are.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
#include "autograd/ops/layer_norm.hpp"
#include "autograd/ops/mean.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

template <Scalar T>
std::vector<Var<T>> inputs_of(Tape<T>& tape, const OpCase& each) {
  std::vector<Var<T>> inputs;
  for (const InputSpec& spec : each.inputs) {
    const RandomStream random(1, Purpose::test, inputs.size());
    std::vector<T> values;
    for (std::int64_t i = 0; i < spec.shape.size(); ++i) {
      values.push_back(
          static_cast<T>(spec.low + (spec.high - spec.low) * random.uniform(static_cast<std::uint32_t>(i))));
    }
    inputs.push_back(tape.input(spec.shape, values.data()));
  }
  return inputs;
}

// What a call with one input replaced says; empty if it was taken, as an optional input may be.
template <Scalar T>
std::string said(const OpCase& each, std::size_t replaced, Var<T> by) {
  Tape<T> tape;
  std::vector<Var<T>> inputs = inputs_of(tape, each);
  inputs[replaced] = by;
  try {
    const Var<T> y = each.call(tape, Inputs<T>(inputs));
    EXPECT_TRUE(!by) << "an input of another tape was taken";
    EXPECT_EQ(&y.tape(), &tape);
  } catch (const GradientError& error) {
    return error.what();
  }
  return "";
}

// Optional inputs, by op: any other empty one must be refused.
bool is_optional(const std::string& op, const std::string& label, std::size_t input) {
  if (op == "affine" || op == "affine_activation" || op == "linear_cross_entropy") return input == 2;
  if (op == "attention" || op == "elman" || op == "gru" || op == "lstm") return input > 2;
  if (op == "layer_norm") return input > 0 || label == "of_x_alone";
  return (op == "rms_norm" || op == "unit_norm" || op == "sink_softmax") && input == 1;
}

bool takes_row_blocks(const std::string& op) {
  static const std::set<std::string> ops{
      "attention", "causal_linear_attention", "delta_rule", "gated_linear_attention", "linear_attention", "retention"};
  return ops.contains(op);
}

template <Scalar T>
void expect_refusals() {
  for (const OpSpec& spec : op_specs()) {
    for (const OpCase& each : spec.cases) {
      for (std::size_t i = 0; i < each.inputs.size(); ++i) {
        SCOPED_TRACE(spec.name + "/" + each.label + ", input " + std::to_string(i));
        // dropout at rate 0 gives its input back, whatever it is
        const std::string empty = said<T>(each, i, {});
        if (!empty.empty() || !is_optional(spec.name, each.label, i)) {
          EXPECT_THAT(empty, StartsWith(spec.name + ": input "));
          EXPECT_THAT(empty, HasSubstr("is an empty variable"));
        }
        if (each.inputs.size() == 1) continue;  // alone, it says where the op works
        Tape<T> other;
        const std::string message = said<T>(each, i, inputs_of(other, each)[i]);
        EXPECT_THAT(message, StartsWith(spec.name + ": input "));
        EXPECT_THAT(message, HasSubstr("another tape"));
      }
    }
  }
}

TEST(OpInputs, EmptyAndForeignOnesAreRefusedByTheNameOfTheOp) {
  expect_refusals<float>();
  expect_refusals<double>();
  expect_refusals<std::complex<double>>();
}

TEST(OpInputs, StaleOnesAreRefusedByTheNameOfTheOp) {
  for (const OpSpec& spec : op_specs()) {
    for (const OpCase& each : spec.cases) {
      for (std::size_t i = 0; i < each.inputs.size(); ++i) {
        Tape<double> tape;
        const Var<double> before = inputs_of(tape, each)[i];
        tape.reset();
        std::vector<Var<double>> inputs = inputs_of(tape, each);
        inputs[i] = before;
        // The shape of a row block is asked for before the op sees it.
        const bool block =
            takes_row_blocks(spec.name) && each.inputs.size() > 1 && !is_optional(spec.name, each.label, i);
        const std::string asked = block ? "tape" : spec.name;
        EXPECT_THAT([&] { each.call(tape, Inputs<double>(inputs)); },
                    testing::ThrowsMessage<GradientError>(
                        testing::AllOf(StartsWith(asked + ": "), HasSubstr("after its value is gone"))))
            << spec.name << "/" << each.label << ", input " << i;
      }
    }
  }
}

TEST(OpInputs, NoneAtAllCrashes) {
  EXPECT_THAT([] { mean(Var<float>()); },
              testing::ThrowsMessage<GradientError>(StartsWith("mean: input 0 is an empty variable")));
  EXPECT_THAT([] { layer_norm(Var<double>()); }, testing::ThrowsMessage<GradientError>(StartsWith("layer_norm: ")));
  const Var<double> empty;
  EXPECT_THROW((void)empty.shape(), GradientError);
  EXPECT_THROW((void)empty.data(), GradientError);
  EXPECT_THROW((void)empty.item(), GradientError);
  EXPECT_THROW((void)empty.tape(), GradientError);
  EXPECT_THROW((void)empty.op(), GradientError);
  EXPECT_THROW((void)empty.needs_gradient(), GradientError);
  Tape<double> tape;
  EXPECT_THAT([&] { tape.backward(empty); }, testing::ThrowsMessage<GradientError>(StartsWith("backward: ")));
  EXPECT_THROW((void)tape.gradient(empty), GradientError);
  EXPECT_THROW((void)tape.adjoint(empty), GradientError);
}

}  // namespace
}  // namespace tapehead
