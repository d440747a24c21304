// Activations, softmax, layer normalisation and optimizers against PyTorch's.
#include <gtest/gtest.h>

#include <functional>

#include "autograd/ops/gelu.hpp"
#include "autograd/ops/layer_norm.hpp"
#include "autograd/ops/log_softmax.hpp"
#include "autograd/ops/relu.hpp"
#include "autograd/ops/softmax.hpp"
#include "tests/data/torch_case.hpp"
#include "trainers/optimizer.hpp"

namespace tapehead {
namespace {

using namespace testing_support;

std::span<const double> numbers(const double* data, const Shape& shape) {
  return {data, static_cast<std::size_t>(shape.size())};
}

struct Function {
  const char* name;
  std::function<Var<double>(Var<double>)> call;
};

class FunctionAgainstTorch : public testing::TestWithParam<Function> {};

TEST_P(FunctionAgainstTorch, OutputAndGradient) {
  const TorchCase reference(GetParam().name);
  const auto sizes = reference.sizes("x");
  const Shape shape{sizes[0], sizes[1]};
  Tape<double> tape;
  const auto x = tape.input(shape, reference.input("x").data());
  const auto y = GetParam().call(x);
  tape.backward(y, reference.upstream("y").data());

  Comparison comparison(kReferenceBound);
  comparison.near("output", numbers(y.data(), shape), reference.output("y"));
  comparison.near("gradient", numbers(tape.gradient(x), shape), reference.gradient("x"));
}

INSTANTIATE_TEST_SUITE_P(, FunctionAgainstTorch,
                         testing::Values(Function{"act_gelu_erf", gelu<double>}, Function{"act_relu", relu<double>},
                                         Function{"act_softmax_last", softmax<double>},
                                         Function{"act_log_softmax_last", log_softmax<double>},
                                         Function{"stable_log_softmax", log_softmax<double>}),
                         [](const auto& each) { return std::string(each.param.name); });

class LayerNormAgainstTorch : public testing::TestWithParam<std::pair<const char*, double>> {};

TEST_P(LayerNormAgainstTorch, OutputAndEveryGradient) {
  const TorchCase reference(GetParam().first);
  auto sizes = reference.sizes("x");
  sizes.resize(3, 1);
  const Shape shape{sizes[0], sizes[1], sizes[2]};
  const Shape column{sizes[0]};
  Tape<double> tape;
  const auto x = tape.input(shape, reference.input("x").data());
  const auto gain = tape.input(column, reference.parameter("weight").data());
  const auto bias = tape.input(column, reference.parameter("bias").data());
  const auto y = layer_norm(x, gain, bias, GetParam().second);
  tape.backward(y, reference.upstream("y").data());

  Comparison comparison(kReferenceBound);
  comparison.near("output", numbers(y.data(), shape), reference.output("y"));
  comparison.near("gradient of x", numbers(tape.gradient(x), shape), reference.gradient("x"));
  comparison.near("gradient of gain", numbers(tape.gradient(gain), column), reference.gradient("weight"));
  comparison.near("gradient of bias", numbers(tape.gradient(bias), column), reference.gradient("bias"));
}

INSTANTIATE_TEST_SUITE_P(, LayerNormAgainstTorch,
                         testing::Values(std::pair("layernorm_last", 1e-5), std::pair("layernorm_eps12", 1e-12)),
                         [](const auto& each) { return std::string(each.param.first); });

struct Rule {
  const char* name;
  OptimizerOptions options;
  double learning_rate;
};

class OptimizerAgainstTorch : public testing::TestWithParam<Rule> {};

TEST_P(OptimizerAgainstTorch, EveryStepOfTen) {
  const TorchCase reference(GetParam().name);
  const auto sizes = reference.sizes("p0");
  const std::vector<double> start = reference.input("p0");
  const std::vector<double> gradients = reference.input("grads");
  const std::vector<double> expected = reference.output("p");
  const std::size_t count = start.size();

  ParameterLayout layout;
  layout.declare({{.name = "p", .shape = {sizes[0], sizes[1]}, .initialisation = {}, .decay = true}});
  layout.seal();
  ParameterStore<double> store(layout);
  const auto values = store.values(layout.ranges()[0]);
  const auto gradient = store.gradients(layout.ranges()[0]);
  std::copy(start.begin(), start.end(), values.begin());

  Optimizer<double> optimizer(GetParam().options, layout);
  WorkerPool workers(1);
  Comparison comparison(kReferenceBound);
  for (std::size_t step = 0; step < expected.size() / count; ++step) {
    std::copy_n(gradients.begin() + static_cast<std::ptrdiff_t>(step * count), count, gradient.begin());
    optimizer.update(store.values(), store.gradients().data(), GetParam().learning_rate, 1, workers);
    comparison.near("step " + std::to_string(step + 1), values, std::span(expected).subspan(step * count, count));
  }
}

// The file's own words give rates and powers, except nanoGPT's rate: it is the one that reproduces step one.
INSTANTIATE_TEST_SUITE_P(
    , OptimizerAgainstTorch,
    testing::Values(Rule{"opt_adam", {}, 0.01}, Rule{"opt_adam_b2_098", {.beta2 = 0.98, .epsilon = 1e-9}, 0.01},
                    Rule{"opt_adamw", {.kind = "adamw", .weight_decay = 0.1}, 0.01},
                    Rule{"opt_adamw_b2_099", {.kind = "adamw", .beta2 = 0.99, .weight_decay = 0.1}, 0.001},
                    Rule{"opt_sgd", {.kind = "sgd"}, 0.1},
                    Rule{"opt_sgd_nesterov_wd", {.kind = "nesterov", .momentum = 0.9, .weight_decay = 0.01}, 0.1}),
    [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace tapehead
