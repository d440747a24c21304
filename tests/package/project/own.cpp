// An op and a layer of one's own, outside tapehead: their gradients are checked, and a model made of them is trained.

#include <cmath>
#include <cstdio>
#include <utility>

#include "autograd/armadillo.hpp"
#include "autograd/check/check.hpp"
#include "autograd/ops/linear_cross_entropy.hpp"
#include "datasets/made.hpp"
#include "layers/embedding.hpp"
#include "layers/linear.hpp"
#include "layers/spec.hpp"
#include "trainers/step.hpp"

using namespace tapehead;

// swish(x) = x · s(x), with s(x) = 1 / (1 + exp(−x)).
template <Scalar T>
Var<T> swish(Var<T> x) {
  Tape<T>& tape = tape_of("swish", {x});
  const std::int64_t count = x.shape().size();
  T* y = tape.allocate(count);
  T* s = tape.allocate(count);
  for (std::int64_t i = 0; i < count; ++i) {
    s[i] = T(1) / (T(1) + std::exp(-x.data()[i]));
    y[i] = x.data()[i] * s[i];
  }
  return tape.record("swish", x.shape(), y, {x}, [x, y, s, count](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    if (Sink<T> d_x = pull.into(x)) {
      d_x.accumulate(count, [d_y, y, s](std::int64_t i) { return d_y[i] * (s[i] + y[i] * (T(1) - s[i])); });
    }
  });
}

// y = V · swish(W x + b) + c on every column.
struct Gate {
  Gate(const Scope& scope, std::int64_t channels, std::int64_t inner)
      : into(scope / "into", {.in = channels, .out = inner}), out(scope / "out", {.in = inner, .out = channels}) {}

  template <Scalar T>
  Var<T> operator()(Var<T> x) const {
    return out(swish(into(x)));
  }

  Linear into, out;
};

// Says what stands in the place of each source token, from that token alone.
struct Tagger {
  Tagger(const Scope& scope, std::int64_t channels, std::int64_t words)
      : embedding(scope / "embedding", {.channels = channels, .vocabulary = words, .positions = PositionKind::none}),
        gate(scope / "gate", channels, 2 * channels),
        output(scope / "output", {.in = channels, .out = words}) {}

  template <Scalar T>
  Var<T> loss(Tape<T>& tape, const BatchView& batch, const Pass& pass) const {
    const Var<T> y = gate(embedding(tape, batch.source(), pass));
    return linear_cross_entropy(y, tape.leaf(output.weight), tape.leaf(output.bias), batch.expected(),
                                {.denominator = static_cast<double>(batch.counted_tokens())});
  }

  Embedding embedding;
  Gate gate;
  Linear output;
};

// 0 if the gradients are right, which is printed.
int checked(const CheckReport& report) {
  std::fputs(report.text().c_str(), stdout);
  return report.passed() ? 0 : 1;
}

int main() {
  int failures = checked(check_gradients([](auto x) { return swish(x[0]); }, {{.shape = {3, 4}}}));
  failures += checked(check_problem(layer_case(
      "gate", {{.shape = {6, 4, 2}}}, [](const Scope& scope) { return Gate(scope, 6, 5); },
      [](const Gate& gate, auto& /*tape*/, auto x) { return gate(x[0]); })));

  const MadeDataset data({.task = "copy", .symbols = 8, .min_length = 2, .max_length = 7, .validation = 1, .test = 1});
  ParameterLayout layout;
  std::uint32_t sites = 0;
  const Tagger tagger(Scope(layout, sites), 16, data.source_vocabulary().size());
  layout.seal();
  ParameterStore<float> parameters(layout);
  parameters.initialise(1);
  WorkerPool workers(2);
  const Objective<float> objective{
      .loss = [&](auto& tape, auto& batch, auto& pass) { return tagger.loss(tape, batch, pass); }};
  TrainingStep<float> step(objective, parameters, data, workers, {.schedule = {.learning_rate = 1e-2}});
  double loss = 0;
  for (int i = 1; i <= 200; ++i) loss = step.run(i).loss;
  std::printf("loss after 200 steps: %.4f\n", loss);

  const std::span<const float> numbers = std::as_const(parameters).values(layout.ranges().front());
  const arma::fmat table(numbers.data(), 16, numbers.size() / 16);
  std::printf("norm of the embeddings: %.2f\n", static_cast<double>(arma::norm(table, "fro")));
  return failures == 0 && loss < 0.1 ? 0 : 1;
}
