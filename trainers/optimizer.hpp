#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "autograd/base/options.hpp"
#include "autograd/parallel.hpp"
#include "autograd/parameters.hpp"

namespace tapehead {

struct OptimizerOptions {
  std::string kind = "adam";  ///< adam | adamw | sgd | nesterov
  double beta1 = 0.9;         ///< β₁ and β₂, of adam and adamw
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double momentum = 0;      ///< μ, of sgd and nesterov
  double weight_decay = 0;  ///< on parameters declared with decay (matrices); see Optimizer

  static Fields<OptimizerOptions> fields();
};

/// Throws ConfigError for an unknown kind, a β or μ outside [0, 1), ε ≤ 0, a negative weight decay, and `nesterov`
/// without momentum.
void check_optimizer(const OptimizerOptions& options);

/// Throws ConfigError, naming the constant, for one that numbers of type T cannot tell from 0 or 1: a β or μ that
/// leaves less of 1 than fifty roundings, a β, μ or λ that is held no better than to a hundredth, and an ε below
/// √(smallest T), where squares of gradients vanish before it counts.
template <RealScalar T>
void check_constants(const OptimizerOptions& options);

/// How many vectors as long as the parameters an optimizer remembers.
int moment_count(const OptimizerOptions& options);

/// What an optimizer remembers of each parameter, by name: what a checkpoint keeps.
template <RealScalar T>
struct Moment {
  std::string name;
  FlatVector<T> values;
};

/// Adam (Kingma & Ba 2015, algorithm 1) and AdamW (Loshchilov & Hutter 2019, algorithm 2) over flat memory:
///
///     m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²,   p ← p − η · m̂ / (√v̂ + ε),   m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 −
///     β₂ᵗ)
///
/// and stochastic gradient descent with momentum (Polyak 1964), or with Nesterov's (Sutskever et al. 2013, §2), which
/// looks ahead along it:
///
///     b ← μ b + g,    sgd: p ← p − η b,    nesterov: p ← p − η (g + μ b)
///
/// Weight decay λ: an L2 penalty, g ← g + λ p; for `adamw` decoupled, p ← p − η λ p first.
template <RealScalar T>
class Optimizer {
 public:
  /// Throws what check_optimizer() and check_constants<T>() throw.
  Optimizer(const OptimizerOptions& options, const ParameterLayout& layout);

  /// One more update, with the gradient times `gradient_scale` (of clipping). One pass over flat memory, shared out
  /// among the workers; the result does not depend on how many there are. Throws ShapeError for parameters of another
  /// layout.
  void update(FlatVector<T>& parameters, const T* gradient, double learning_rate, double gradient_scale,
              WorkerPool& workers);

  /// t, the updates made so far. A step that was left out is none: its moments did not move.
  std::int64_t updates() const { return updates_; }
  void set_updates(std::int64_t updates) { updates_ = updates; }

  /// A finite gradient, of Euclidean norm `norm`, may have squares beyond T: v would be infinite for ever, and its
  /// parameter never move again. Says which, "output.weight holds 7e+20", or nothing if all is well.
  std::string overflow(const T* gradient, double norm, double gradient_scale) const;

  const std::string& kind() const { return options_.kind; }
  /// adam, adamw: first_moment and second_moment; sgd, nesterov: momentum, or none if μ is 0.
  std::vector<Moment<T>>& moments() { return moments_; }
  const std::vector<Moment<T>>& moments() const { return moments_; }

 private:
  // Neighbouring elements that are treated alike.
  struct Stretch {
    std::int64_t first, last;
    bool decay;
    std::string name;
  };

  // Calls rule(decay)(i) for every element i of a parameter.
  template <class RuleFor>
  void for_each_element(std::int64_t size, WorkerPool& workers, const RuleFor& rule) const;

  OptimizerOptions options_;
  std::int64_t size_;
  std::int64_t updates_ = 0;
  std::vector<Stretch> stretches_;
  std::vector<Moment<T>> moments_;
};

}  // namespace tapehead
