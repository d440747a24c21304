#pragma once

#include <string>
#include <vector>

#include "autograd/tape.hpp"
#include "layers/scope.hpp"

namespace tapehead {

/// y = Wᵀ x + b on every column. x (in, T, B) → (out, T, B). Parameters `weight` (in, out), and `bias` (out) unless it
/// is left out.
struct Linear {
  struct Options {
    std::int64_t in = 0;
    std::int64_t out = 0;
    bool has_bias = true;
    double first_bias = 0;  ///< what it starts at
    double factor = 1;      ///< what is drawn for the weight is multiplied by it
  };
  /// `shared`: a parameter (in, out) of another layer that is this one's weight too.
  Linear(const Scope& scope, const Options& options, const Parameter& shared = {});

  template <Scalar T>
  Var<T> operator()(Var<T> x) const;

  Parameter weight, bias;
};

/// Several linear layers of one input as one product: their weights lie side by side, their outputs one below another.
/// Parameters `<part>.weight`, and `<part>.bias` unless it is left out, for each part. x (in, T, B) → (Σ out, T, B).
struct JoinedLinear {
  struct Part {
    std::string name;
    std::int64_t out;
    double first_bias = 0;  ///< what its bias starts at
    double factor = 1;      ///< what is drawn for its weight is multiplied by it
  };
  JoinedLinear(const Scope& scope, std::int64_t in, const std::vector<Part>& parts, bool has_bias = true);

  template <Scalar T>
  Var<T> operator()(Var<T> x) const;

  Parameter weight, bias;
};

}  // namespace tapehead
