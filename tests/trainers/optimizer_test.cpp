#include "trainers/optimizer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"

namespace tapehead {
namespace {

// Matrices that decay and a bias that does not. Their sizes are multiples of nothing, and three share a block, so that
// workers part them anywhere.
const ParameterLayout& layout() {
  static const ParameterLayout sealed = [] {
    ParameterLayout made;
    made.declare({{"first.weight", {7, 5}, Initialisation::normal(1), true}});
    made.declare({{"first.bias", {5}, Initialisation::normal(1), false}});
    made.declare({{"second.weight", {19, 13}, Initialisation::normal(1), true}});
    made.declare({{"query.weight", {11, 11}, Initialisation::normal(1), true},
                  {"key.weight", {11, 11}, Initialisation::normal(1), true},
                  {"value.weight", {11, 7}, Initialisation::normal(1), true}});
    made.seal();
    return made;
  }();
  return sealed;
}

// The gradient of element i in step t; some are exactly zero.
double gradient_at(std::int64_t step, std::int64_t i) {
  const RandomStream random(9, Purpose::test, static_cast<std::uint64_t>(step));
  return i % 11 == 3 ? 0 : random.normal(static_cast<std::uint32_t>(i));
}

double rate_at(std::int64_t step) { return 0.01 * static_cast<double>(step); }
double scale_at(std::int64_t step) { return step % 2 == 0 ? 1 : 0.25; }

constexpr std::int64_t kSteps = 7;

template <RealScalar T>
std::vector<T> optimised(const OptimizerOptions& options, int threads) {
  WorkerPool workers(threads);
  ParameterStore<T> store(layout());
  store.initialise(3);
  Optimizer<T> optimizer(options, layout());
  for (std::int64_t step = 1; step <= kSteps; ++step) {
    for (const ParameterRange& range : layout().ranges()) {
      for (std::int64_t i = range.offset; i < range.offset + range.shape.size(); ++i) {
        store.gradients().data()[i] = static_cast<T>(gradient_at(step, i));
      }
    }
    optimizer.update(store.values(), store.gradients().data(), rate_at(step), scale_at(step), workers);
  }
  return {store.values().span().begin(), store.values().span().end()};
}

// Nesterov's method as it was published (Sutskever et al. 2013, eq. 3 and 4, with velocity v = −η b): the gradient is
// taken where momentum will have carried the parameter to. `parameter` here is that place, θ + μ v, as the optimizer's
// is.
long double by_lookahead(const OptimizerOptions& options, long double start, std::int64_t i, bool decays, double rate) {
  long double theta = start;
  long double v = 0;
  const long double mu = options.momentum;
  for (std::int64_t t = 1; t <= kSteps; ++t) {
    const long double ahead = theta + mu * v;
    const long double decay = decays ? options.weight_decay : 0;
    const long double g = static_cast<long double>(gradient_at(t, i)) * scale_at(t) + decay * ahead;
    v = mu * v - rate * g;
    theta += v;
  }
  return theta + mu * v;
}

long double by_momentum(const OptimizerOptions& options, long double parameter, std::int64_t i, bool decays) {
  const long double decay = decays ? options.weight_decay : 0;
  long double velocity = 0;
  for (std::int64_t t = 1; t <= kSteps; ++t) {
    const long double g = static_cast<long double>(gradient_at(t, i)) * scale_at(t) + decay * parameter;
    velocity = options.momentum * velocity + g;
    const long double direction = options.kind == "nesterov" ? g + options.momentum * velocity : velocity;
    parameter -= rate_at(t) * direction;
  }
  return parameter;
}

// One parameter at a time, as the papers have it (Kingma & Ba 2015, algorithm 1; Loshchilov & Hutter 2019, algorithm
// 2): `adam` has the penalty in its gradient, `adamw` decays the parameter beside the step.
long double by_the_papers(const OptimizerOptions& options, long double parameter, std::int64_t i, bool decays) {
  if (options.kind == "sgd" || options.kind == "nesterov") return by_momentum(options, parameter, i, decays);
  const long double b1 = options.beta1;
  const long double b2 = options.beta2;
  const long double decay = decays ? options.weight_decay : 0;
  long double m = 0;
  long double v = 0;
  for (std::int64_t t = 1; t <= kSteps; ++t) {
    const long double rate = rate_at(t);
    const long double before = parameter;
    long double g = static_cast<long double>(gradient_at(t, i)) * scale_at(t);
    if (options.kind == "adam") g += decay * parameter;
    m = b1 * m + (1 - b1) * g;
    v = b2 * v + (1 - b2) * g * g;
    const long double m_hat = m / (1 - std::pow(b1, static_cast<long double>(t)));
    const long double v_hat = v / (1 - std::pow(b2, static_cast<long double>(t)));
    parameter = before - rate * m_hat / (std::sqrt(v_hat) + static_cast<long double>(options.epsilon));
    if (options.kind == "adamw") parameter -= rate * decay * before;
  }
  return parameter;
}

std::vector<OptimizerOptions> variants() {
  return {{.kind = "adam"},
          {.kind = "adam", .weight_decay = 0.1},
          {.kind = "adamw", .weight_decay = 0.1},
          {.kind = "adam", .beta1 = 0.8, .beta2 = 0.98, .epsilon = 1e-2},
          {.kind = "adamw", .beta1 = 0, .beta2 = 0.5, .epsilon = 1e-3, .weight_decay = 2},
          {.kind = "sgd"},
          {.kind = "sgd", .weight_decay = 0.3},
          {.kind = "sgd", .momentum = 0.9, .weight_decay = 0.3},
          {.kind = "nesterov", .momentum = 0.8, .weight_decay = 0.3}};
}

template <RealScalar T>
void expect_the_papers(double tolerance) {
  ParameterStore<T> start(layout());
  start.initialise(3);
  for (const OptimizerOptions& options : variants()) {
    const std::vector<T> found = optimised<T>(options, 1);
    for (const ParameterRange& range : layout().ranges()) {
      for (std::int64_t i = range.offset; i < range.offset + range.shape.size(); ++i) {
        const auto expected = static_cast<double>(by_the_papers(options, start.values().data()[i], i, range.decay));
        ASSERT_NEAR(found[static_cast<std::size_t>(i)], expected, tolerance)
            << options.kind << " " << range.name << " " << i;
      }
    }
  }
}

TEST(Optimizer, FollowsThePapersInDouble) { expect_the_papers<double>(1e-13); }
TEST(Optimizer, FollowsThePapersInFloat) { expect_the_papers<float>(3e-6); }

TEST(Optimizer, NesterovLooksAhead) {
  constexpr double rate = 0.05;
  const OptimizerOptions options{.kind = "nesterov", .momentum = 0.9, .weight_decay = 0.2};
  WorkerPool workers(1);
  ParameterStore<double> store(layout());
  store.initialise(3);
  ParameterStore<double> start(layout());
  start.initialise(3);
  Optimizer<double> optimizer(options, layout());
  for (std::int64_t step = 1; step <= kSteps; ++step) {
    for (std::int64_t i = 0; i < layout().flat_size(); ++i) store.gradients().data()[i] = gradient_at(step, i);
    optimizer.update(store.values(), store.gradients().data(), rate, scale_at(step), workers);
  }
  for (const ParameterRange& range : layout().ranges()) {
    for (std::int64_t i = range.offset; i < range.offset + range.shape.size(); ++i) {
      const auto expected = static_cast<double>(by_lookahead(options, start.values().data()[i], i, range.decay, rate));
      ASSERT_NEAR(store.values().data()[i], expected, 1e-13) << range.name << " " << i;
    }
  }
}

TEST(Optimizer, RemembersNoMoreThanItNeeds) {
  const auto names = [](const OptimizerOptions& options) {
    std::vector<std::string> found;
    const Optimizer<float> optimizer(options, layout());
    for (const Moment<float>& moment : optimizer.moments()) found.push_back(moment.name);
    return found;
  };
  EXPECT_THAT(names({.kind = "adamw"}), testing::ElementsAre("first_moment", "second_moment"));
  EXPECT_THAT(names({.kind = "sgd", .momentum = 0.9}), testing::ElementsAre("momentum"));
  EXPECT_THAT(names({.kind = "nesterov", .momentum = 0.9}), testing::ElementsAre("momentum"));
  EXPECT_THAT(names({.kind = "sgd"}), testing::IsEmpty());
}

template <RealScalar T>
void expect_the_same_bits() {
  for (const OptimizerOptions& options : variants()) {
    const auto one = optimised<T>(options, 1);
    for (const int threads : {2, 3, 5})
      EXPECT_EQ(optimised<T>(options, threads), one) << options.kind << " " << threads;
  }
}

TEST(Optimizer, WorkersDoNotChangeABit) {
  expect_the_same_bits<float>();
  expect_the_same_bits<double>();
}

TEST(Optimizer, WeightDecayLeavesBiasesAlone) {
  for (const char* kind : {"adam", "adamw", "sgd"}) {
    const auto without = optimised<double>({.kind = kind}, 1);
    const auto with = optimised<double>({.kind = kind, .weight_decay = 0.5}, 1);
    for (const ParameterRange& range : layout().ranges()) {
      for (std::int64_t i = range.offset; i < range.offset + range.shape.size(); ++i) {
        const auto at = static_cast<std::size_t>(i);
        EXPECT_EQ(with[at] == without[at], !range.decay) << kind << " " << range.name;
      }
    }
  }
}

TEST(Optimizer, AlignmentGapsStayZero) {
  std::vector<bool> used(static_cast<std::size_t>(layout().flat_size()), false);
  for (const ParameterRange& range : layout().ranges()) {
    for (std::int64_t i = 0; i < range.shape.size(); ++i) used[static_cast<std::size_t>(range.offset + i)] = true;
  }
  const auto found = optimised<double>({.kind = "adamw", .weight_decay = 0.5}, 2);
  ASSERT_NE(std::ranges::count(used, false), 0);
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (!used[i]) {
      EXPECT_EQ(found[i], 0) << i;
    }
  }
}

TEST(Optimizer, RefusesConstantsThatItsPrecisionCannotHold) {
  const auto refused = [](const OptimizerOptions& options, const std::string& message) {
    EXPECT_THAT([&] { Optimizer<float>(options, layout()); },
                testing::ThrowsMessage<ConfigError>(testing::HasSubstr(message)));
  };
  const std::string lost = ": in single precision what it leaves of 1 is lost";
  refused({.beta1 = 0.99999999}, "beta1 0.99999999" + lost);
  refused({.beta1 = 0.9999999}, "beta1 0.9999999" + lost);
  refused({.kind = "adamw", .beta2 = 0.99999999}, "beta2 0.99999999" + lost);
  refused({.kind = "sgd", .momentum = 0.99999999}, "momentum 0.99999999" + lost);
  refused({.beta1 = 1e-50}, "beta1 1e-50: in single precision it cannot be told from 0");
  for (const double epsilon : {1e-50, 1e-46, 1e-40, 1e-20}) {
    refused({.epsilon = epsilon}, ": in single precision squares of gradients vanish before it counts");
  }
  refused({.weight_decay = 1e-60}, "weight decay 1e-60: in single precision");
  refused({.weight_decay = 1e60}, "weight-decay: must be at most 1000000000, not 1e+60");
  // Used by no other kind, and what double holds.
  EXPECT_NO_THROW(Optimizer<float>({.beta1 = 0.9999}, layout()));
  EXPECT_NO_THROW(Optimizer<float>({.beta2 = 0.99999, .epsilon = 1e-15}, layout()));
  EXPECT_NO_THROW(Optimizer<float>({.kind = "sgd", .beta1 = 0.99999999, .epsilon = 1e-50}, layout()));
  EXPECT_NO_THROW(Optimizer<double>({.beta1 = 0.99999999, .beta2 = 0.99999999, .epsilon = 1e-50}, layout()));
  EXPECT_THROW(Optimizer<double>({.epsilon = 1e-200}, layout()), ConfigError);
  EXPECT_THROW(Optimizer<double>({.beta2 = 1 - 0x1p-53}, layout()).updates(), ConfigError);
}

// A gradient of ones for a while, then the update that theory gives: constants near 1 must not drift.
TEST(Optimizer, ConstantsNearOneActAsTheyAre) {
  for (const double beta : {0.999, 0.9999, 0.99999}) {
    WorkerPool workers(1);
    ParameterStore<float> store(layout());
    Optimizer<float> optimizer({.beta1 = beta, .beta2 = beta}, layout());
    std::fill_n(store.gradients().data(), layout().flat_size(), 1.0F);
    for (int step = 0; step < 20; ++step) optimizer.update(store.values(), store.gradients().data(), 0.01, 1, workers);
    EXPECT_NEAR(store.values().data()[0], -0.2, 0.2 * 0.002) << beta;
  }
}

TEST(Optimizer, ASmallDecoupledDecayIsNotLost) {
  // A thousand decays of 3e-8, each below half of float's step at 1: beside an update they count.
  WorkerPool workers(1);
  ParameterStore<float> with(layout());
  ParameterStore<float> without(layout());
  const OptimizerOptions plain{.kind = "adamw"};
  OptimizerOptions decaying = plain;
  decaying.weight_decay = 3e-4;
  Optimizer<float> a(plain, layout());
  Optimizer<float> b(decaying, layout());
  std::fill_n(without.values().data(), layout().flat_size(), 1.0F);
  std::fill_n(with.values().data(), layout().flat_size(), 1.0F);
  double expected = 1;
  for (int step = 1; step <= 1000; ++step) {
    // Of changing size and sign, so that parameters wander by many of float's steps.
    std::fill_n(with.gradients().data(), layout().flat_size(), static_cast<float>(std::sin(step)));
    a.update(without.values(), with.gradients().data(), 1e-4, 1, workers);
    b.update(with.values(), with.gradients().data(), 1e-4, 1, workers);
    expected *= 1 - 3e-8;
  }
  const double lost = static_cast<double>(without.values().data()[0]) - with.values().data()[0];
  EXPECT_NEAR(lost / (1 - expected), 1, 0.3);
}

TEST(Optimizer, CountsItsUpdates) {
  WorkerPool workers(1);
  ParameterStore<double> store(layout());
  Optimizer<double> optimizer({}, layout());
  EXPECT_EQ(optimizer.updates(), 0);
  optimizer.update(store.values(), store.gradients().data(), 0.1, 1, workers);
  EXPECT_EQ(optimizer.updates(), 1);
  optimizer.set_updates(41);
  optimizer.update(store.values(), store.gradients().data(), 0.1, 1, workers);
  EXPECT_EQ(optimizer.updates(), 42);
  ParameterLayout other;
  other.declare({{"a", {100, 100}, {}}});
  other.seal();
  ParameterStore<double> foreign(other);
  EXPECT_THROW(optimizer.update(foreign.values(), store.gradients().data(), 0.1, 1, workers), ShapeError);
}

TEST(Optimizer, SaysWhichGradientHasASquareThatOverflows) {
  ParameterStore<float> store(layout());
  const ParameterRange& range = *layout().find("key.weight");
  store.gradients(range)[5] = 7e20F;
  const Optimizer<float> adam({}, layout());
  EXPECT_EQ(adam.overflow(store.gradients().data(), 7e20, 1), "key.weight holds 7e+20");
  EXPECT_EQ(adam.overflow(store.gradients().data(), 7e20, 1 / 7e20), "") << "clipped, it is small";
  EXPECT_EQ(Optimizer<float>({.kind = "sgd"}, layout()).overflow(store.gradients().data(), 7e20, 1), "");
  store.gradients(range)[5] = 1e19F;
  EXPECT_EQ(adam.overflow(store.gradients().data(), 1e19, 1), "");
  // Many that are each held: the norm alone does not decide.
  EXPECT_EQ(adam.overflow(store.gradients().data(), 1e30, 1), "");
}

TEST(Optimizer, RefusesOptionsThatCannotWork) {
  const auto refused = [](const OptimizerOptions& options, const std::string& message) {
    EXPECT_THAT([&] { Optimizer<float>(options, layout()); },
                testing::ThrowsMessage<ConfigError>(testing::HasSubstr(message)));
  };
  refused({.kind = "lion"}, "\"lion\" is none of adam, adamw, sgd, nesterov");
  refused({.kind = "sgd", .momentum = 1}, "momentum: must be less than 1, not 1");
  refused({.kind = "nesterov"}, "nesterov needs a momentum above 0");
  refused({.beta1 = 1}, "beta1: must be less than 1, not 1");
  refused({.beta1 = -0.1}, "beta1: must be at least 0, not -0.1");
  refused({.beta2 = 1.5}, "beta2: must be less than 1, not 1.5");
  refused({.beta2 = NAN}, "beta2: \"nan\" is not a finite number");
  refused({.epsilon = 0}, "adam-epsilon: must be more than 0, not 0");
  refused({.epsilon = NAN}, "adam-epsilon: \"nan\" is not a finite number");
  refused({.weight_decay = -1}, "weight-decay: must be at least 0, not -1");
  refused({.weight_decay = NAN}, "weight-decay: \"nan\" is not a finite number");
}

}  // namespace
}  // namespace tapehead
