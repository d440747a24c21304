#include "trainers/optimizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

bool is_adaptive(const OptimizerOptions& options) { return options.kind == "adam" || options.kind == "adamw"; }

// The numbers of one step, in the scalar of the parameters, and where its elements lie.
template <RealScalar T>
struct AdamRule {
  T *p, *m, *v;
  const T* gradient;
  T beta1, beta2, epsilon, step_size, root_correction, gradient_scale, penalty, decay;

  void operator()(std::int64_t i) const {
    const T g = gradient[i] * gradient_scale + penalty * p[i];
    m[i] = beta1 * m[i] + (T(1) - beta1) * g;
    v[i] = beta2 * v[i] + (T(1) - beta2) * g * g;
    // The decay beside the step, not 1 − decay in front of p: near 1 there is no room for a small one.
    p[i] -= step_size * m[i] / (std::sqrt(v[i]) * root_correction + epsilon) + decay * p[i];
  }
};

// Goes along own · g + ahead · b: 0 and 1 for plain momentum, 1 and μ for Nesterov's.
template <RealScalar T>
struct MomentumRule {
  T *p, *b;
  const T* gradient;
  T momentum, own, ahead, learning_rate, gradient_scale, penalty;

  void operator()(std::int64_t i) const {
    const T g = gradient[i] * gradient_scale + penalty * p[i];
    b[i] = momentum * b[i] + g;
    p[i] -= learning_rate * (own * g + ahead * b[i]);
  }
};

template <RealScalar T>
struct DescentRule {
  T* p;
  const T* gradient;
  T learning_rate, gradient_scale, penalty;

  void operator()(std::int64_t i) const { p[i] -= learning_rate * (gradient[i] * gradient_scale + penalty * p[i]); }
};

}  // namespace

Fields<OptimizerOptions> OptimizerOptions::fields() {
  constexpr Conditions kAdam{one_of("optimizer", "adam adamw")};
  return {
      {&OptimizerOptions::kind,
       {.name = "optimizer",
        .choices = "adam adamw sgd nesterov",
        .help = "rule that updates the weights",
        .when = "adamw with weight-decay",
        .common = true,
        .needs = {ValueNeed{"nesterov", on("momentum")}},
        .after = "steps"}},
      {&OptimizerOptions::momentum,
       {.name = "momentum",
        .range = NumberRange::share(),
        .help = "of sgd and nesterov",
        .when = "often 0.9",
        .applies_when = {one_of("optimizer", "sgd nesterov")},
        .after = "plateau-patience"}},
      {&OptimizerOptions::beta1,
       {.name = "beta1",
        .range = NumberRange::share(),
        .help = "decay of the first moment of adam and adamw",
        .when = "rarely changed",
        .applies_when = kAdam}},
      {&OptimizerOptions::beta2,
       {.name = "beta2",
        .range = NumberRange::share(),
        .help = "decay of the second moment of adam and adamw",
        .when = "0.98 is common for attention models",
        .applies_when = kAdam}},
      {&OptimizerOptions::epsilon,
       {.name = "adam-epsilon",
        .range = NumberRange::positive(),
        .help = "what keeps adam and adamw from dividing by zero",
        .when = "raise it where tiny gradients make large steps",
        .applies_when = kAdam}},
      {&OptimizerOptions::weight_decay,
       {.name = "weight-decay",
        .range = {0, 1e9},
        .help = "pulls matrices towards zero; apart from the gradient for adamw",
        .when = "raise it against overfitting"}},
  };
}

void check_optimizer(const OptimizerOptions& options) {
  check_fields(options);
  if (options.kind == "nesterov" && options.momentum == 0) {
    throw ConfigError("optimizer: nesterov needs a momentum above 0, such as 0.9");
  }
}

namespace {

template <RealScalar T>
bool is_held(double value) {
  return std::abs(static_cast<double>(static_cast<T>(value)) - value) <= 0.01 * std::abs(value);
}

template <RealScalar T>
void require_held(const char* name, double value, bool held, const char* why) {
  if (held) return;
  constexpr bool single = std::is_same_v<T, float>;
  throw ConfigError(fmt::format("optimizer: {} {}: in {} precision {}; take another one{}", name, value,
                                single ? "single" : "double", why, single ? ", or double precision" : ""));
}

}  // namespace

template <RealScalar T>
void check_constants(const OptimizerOptions& options) {
  const auto require_share = [](const char* name, double share) {
    require_held<T>(name, share, is_held<T>(share), "it cannot be told from 0");
    require_held<T>(name, share, 1 - share >= 50 * static_cast<double>(std::numeric_limits<T>::epsilon()),
                    "what it leaves of 1 is lost");
  };
  require_held<T>("weight decay", options.weight_decay, is_held<T>(options.weight_decay),
                  "it cannot be told from 0, or is infinite");
  if (!is_adaptive(options)) return require_share("momentum", options.momentum);
  require_share("beta1", options.beta1);
  require_share("beta2", options.beta2);
  const bool counts = options.epsilon >= std::sqrt(static_cast<double>(std::numeric_limits<T>::min()));
  require_held<T>("epsilon", options.epsilon, counts && is_held<T>(options.epsilon),
                  "squares of gradients vanish before it counts");
}

int moment_count(const OptimizerOptions& options) {
  if (is_adaptive(options)) return 2;
  return options.momentum > 0 ? 1 : 0;
}

template <RealScalar T>
Optimizer<T>::Optimizer(const OptimizerOptions& options, const ParameterLayout& layout)
    : options_(options), size_(layout.flat_size()) {
  check_optimizer(options);
  check_constants<T>(options);
  for (const ParameterRange& range : layout.ranges()) {
    stretches_.push_back({range.offset, range.offset + range.shape.size(), range.decay, range.name});
  }
  const auto remember = [&](const char* name) { moments_.push_back({name, FlatVector<T>(layout.flat_size())}); };
  if (is_adaptive(options)) {
    remember("first_moment");
    remember("second_moment");
  } else if (options.momentum > 0) {
    remember("momentum");
  }
}

template <RealScalar T>
template <class RuleFor>
void Optimizer<T>::for_each_element(std::int64_t size, WorkerPool& workers, const RuleFor& rule) const {
  workers.run([&](int worker) {
    constexpr std::int64_t kLine = 64;
    const auto [first, last] = work_range(size, worker, workers.size(), kLine);
    for (const Stretch& stretch : stretches_) {
      const auto apply = rule(stretch.decay);
      const std::int64_t end = std::min(last, stretch.last);
      for (std::int64_t i = std::max(first, stretch.first); i < end; ++i) apply(i);
    }
  });
}

template <RealScalar T>
std::string Optimizer<T>::overflow(const T* gradient, double norm, double gradient_scale) const {
  const double most = std::sqrt(static_cast<double>(std::numeric_limits<T>::max()));
  if (!is_adaptive(options_) || norm * gradient_scale < most) return "";
  for (const Stretch& stretch : stretches_) {
    for (std::int64_t i = stretch.first; i < stretch.last; ++i) {
      const double g = std::abs(static_cast<double>(gradient[i])) * gradient_scale;
      if (!(g < most)) return fmt::format("{} holds {:.3g}", stretch.name, g);
    }
  }
  return "";
}

template <RealScalar T>
void Optimizer<T>::update(FlatVector<T>& parameters, const T* gradient, double learning_rate, double gradient_scale,
                          WorkerPool& workers) {
  if (parameters.size() != size_) {
    throw ShapeError(fmt::format("optimizer: it was made for {} numbers, and is given {}", size_, parameters.size()));
  }
  ++updates_;
  T* p = parameters.data();
  const auto scale = static_cast<T>(gradient_scale);
  const auto decay_of = [&](bool decay) { return decay ? options_.weight_decay : 0; };
  if (is_adaptive(options_)) {
    const auto t = static_cast<double>(updates_);
    const bool decoupled = options_.kind == "adamw";
    for_each_element(parameters.size(), workers, [&](bool decay) {
      return AdamRule<T>{
          .p = p,
          .m = moments_[0].values.data(),
          .v = moments_[1].values.data(),
          .gradient = gradient,
          .beta1 = static_cast<T>(options_.beta1),
          .beta2 = static_cast<T>(options_.beta2),
          .epsilon = static_cast<T>(options_.epsilon),
          .step_size = static_cast<T>(learning_rate / (1 - std::pow(options_.beta1, t))),
          .root_correction = static_cast<T>(1 / std::sqrt(1 - std::pow(options_.beta2, t))),
          .gradient_scale = scale,
          .penalty = static_cast<T>(decoupled ? 0 : decay_of(decay)),
          .decay = static_cast<T>(decoupled ? learning_rate * decay_of(decay) : 0),
      };
    });
  } else if (options_.momentum > 0) {
    const bool nesterov = options_.kind == "nesterov";
    for_each_element(parameters.size(), workers, [&](bool decay) {
      return MomentumRule<T>{.p = p,
                             .b = moments_[0].values.data(),
                             .gradient = gradient,
                             .momentum = static_cast<T>(options_.momentum),
                             .own = T(nesterov ? 1 : 0),
                             .ahead = static_cast<T>(nesterov ? options_.momentum : 1),
                             .learning_rate = static_cast<T>(learning_rate),
                             .gradient_scale = scale,
                             .penalty = static_cast<T>(decay_of(decay))};
    });
  } else {
    for_each_element(parameters.size(), workers, [&](bool decay) {
      return DescentRule<T>{.p = p,
                            .gradient = gradient,
                            .learning_rate = static_cast<T>(learning_rate),
                            .gradient_scale = scale,
                            .penalty = static_cast<T>(decay_of(decay))};
    });
  }
}

template void check_constants<float>(const OptimizerOptions&);
template void check_constants<double>(const OptimizerOptions&);
template class Optimizer<float>;
template class Optimizer<double>;

}  // namespace tapehead
