#pragma once

#include <concepts>
#include <initializer_list>
#include <utility>

#include "autograd/tape.hpp"
#include "layers/site.hpp"

namespace tapehead {

/// Sees values of a model as it runs and may put others in their place: maps, statistics, leaving out heads, patching.
/// What it returns goes on in place of what it saw, and is differentiated like it.
class Probe {
 public:
  virtual ~Probe() = default;
  /// Whether it wants to see this value. Scores and weights exist only where somebody wants them, or attention is
  /// composed.
  virtual bool wants(const Site& site) const = 0;
  /// Whether it may put another value in this one's place. Where it only looks, the weights of a fused attention are a
  /// constant, and no bit of what follows differs for it.
  virtual bool replaces(const Site& site) const { return wants(site); }
  virtual Var<float> see(const Site& site, Var<float> x) const = 0;
  virtual Var<double> see(const Site& site, Var<double> x) const = 0;
  virtual Var<std::complex<double>> see(const Site& site, Var<std::complex<double>> x) const = 0;
};

/// A probe of some kinds of values, made from a function of a site and a variable, which returns a variable or nothing:
///
///     const ProbeAt probe({What::weights}, [&](const Site& site, auto weights) { … });
template <class See>
class ProbeAt final : public Probe {
 public:
  ProbeAt(std::initializer_list<What> wanted, See see) : see_(std::move(see)) {
    for (const What what : wanted) wanted_ |= bit(what);
  }

  bool wants(const Site& site) const override { return (wanted_ & bit(site.what)) != 0; }
  bool replaces(const Site& site) const override { return wants(site) && kReplaces; }
  Var<float> see(const Site& site, Var<float> x) const override { return seen(site, x); }
  Var<double> see(const Site& site, Var<double> x) const override { return seen(site, x); }
  Var<std::complex<double>> see(const Site& site, Var<std::complex<double>> x) const override { return seen(site, x); }

 private:
  template <Scalar T>
  static constexpr bool returns() {
    if constexpr (std::invocable<const See&, const Site&, Var<T>>) {
      return !std::same_as<std::invoke_result_t<const See&, const Site&, Var<T>>, void>;
    }
    return false;
  }
  static constexpr bool kReplaces = returns<float>() || returns<double>() || returns<std::complex<double>>();
  static constexpr unsigned bit(What what) { return 1U << static_cast<unsigned>(what); }

  template <Scalar T>
  Var<T> seen(const Site& site, Var<T> x) const {
    if constexpr (!std::invocable<const See&, const Site&, Var<T>>) {
      return x;  // it is for other scalars
    } else if constexpr (std::same_as<std::invoke_result_t<const See&, const Site&, Var<T>>, void>) {
      see_(site, x);
      return x;
    } else {
      return see_(site, x);
    }
  }

  unsigned wanted_ = 0;
  See see_;
};

/// What goes on in place of x: x itself without a probe, or where it does not want to see it. Throws ShapeError if it
/// gives a value of another shape, GradientError for an empty one.
template <Scalar T>
Var<T> probed(const Probe* probe, const Site& site, Var<T> x);

}  // namespace tapehead
