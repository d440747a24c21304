#include "trainers/optimizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

void check(const OptimizerOptions& options) {
  if (options.kind != "adam" && options.kind != "adamw") {
    throw ConfigError(fmt::format("optimizer: \"{}\" is none of adam, adamw", options.kind));
  }
  for (const auto& [name, beta] : {std::pair{"beta1", options.beta1}, std::pair{"beta2", options.beta2}}) {
    if (!(beta >= 0 && beta < 1)) throw ConfigError(fmt::format("optimizer: {} must be in [0, 1), not {}", name, beta));
  }
  if (!(options.epsilon > 0)) throw ConfigError(fmt::format("optimizer: epsilon must be positive, not {}", options.epsilon));
  if (!(options.weight_decay >= 0 && std::isfinite(options.weight_decay))) {
    throw ConfigError(fmt::format("optimizer: weight decay must not be negative, is {}", options.weight_decay));
  }
}

// The numbers of one step, in the scalar of the parameters.
template <RealScalar T>
struct Rule {
  T beta1, beta2, epsilon, step_size, root_correction, gradient_scale, penalty, shrink;

  void apply(T& p, T& m, T& v, T gradient) const {
    const T g = gradient * gradient_scale + penalty * p;
    m = beta1 * m + (T(1) - beta1) * g;
    v = beta2 * v + (T(1) - beta2) * g * g;
    p = shrink * p - step_size * m / (std::sqrt(v) * root_correction + epsilon);
  }
};

}  // namespace

template <RealScalar T>
Optimizer<T>::Optimizer(const OptimizerOptions& options, const ParameterLayout& layout) : options_(options) {
  check(options);
  for (const ParameterRange& range : layout.ranges()) {
    stretches_.push_back({range.offset, range.offset + range.shape.size(), range.decay});
  }
  moments_.push_back({"first_moment", FlatVector<T>(layout.flat_size())});
  moments_.push_back({"second_moment", FlatVector<T>(layout.flat_size())});
}

template <RealScalar T>
void Optimizer<T>::update(FlatVector<T>& parameters, const T* gradient, std::int64_t step, double learning_rate,
                          double gradient_scale, WorkerPool& workers) {
  const auto t = static_cast<double>(step);
  const bool decoupled = options_.kind == "adamw";
  const auto rule_for = [&](bool decay) {
    const double lambda = decay ? options_.weight_decay : 0;
    return Rule<T>{.beta1 = static_cast<T>(options_.beta1),
                   .beta2 = static_cast<T>(options_.beta2),
                   .epsilon = static_cast<T>(options_.epsilon),
                   .step_size = static_cast<T>(learning_rate / (1 - std::pow(options_.beta1, t))),
                   .root_correction = static_cast<T>(1 / std::sqrt(1 - std::pow(options_.beta2, t))),
                   .gradient_scale = static_cast<T>(gradient_scale),
                   .penalty = static_cast<T>(decoupled ? 0 : lambda),
                   .shrink = static_cast<T>(decoupled ? 1 - learning_rate * lambda : 1)};
  };
  const Rule<T> rules[] = {rule_for(false), rule_for(true)};
  T* p = parameters.data();
  T* m = moments_[0].values.data();
  T* v = moments_[1].values.data();
  workers.run([&](int worker) {
    constexpr std::int64_t kLine = 64;
    const auto [first, last] = work_range(parameters.size(), worker, workers.size(), kLine);
    for (const Stretch& stretch : stretches_) {
      const Rule<T> rule = rules[stretch.decay ? 1 : 0];
      const std::int64_t end = std::min(last, stretch.last);
      for (std::int64_t i = std::max(first, stretch.first); i < end; ++i) rule.apply(p[i], m[i], v[i], gradient[i]);
    }
  });
}

template class Optimizer<float>;
template class Optimizer<double>;

}  // namespace tapehead
