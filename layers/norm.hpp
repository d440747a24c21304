#pragma once

#include <variant>

#include "layers/layer_norm.hpp"
#include "layers/rms_norm.hpp"

namespace tapehead {

enum class NormKind { layer, rms };

struct NormOptions {
  std::int64_t channels = 0;
  NormKind kind = NormKind::layer;
  bool has_bias = true;   ///< of a layer norm; the other kind never has one
  double epsilon = 1e-5;  ///< what is added to the variance or the mean square
};

/// The norm that a model is built with, of either kind. x (C, T, B) → (C, T, B). Parameters of that kind's layer.
class Norm {
 public:
  Norm(const Scope& scope, const NormOptions& options) : norm_(make(scope, options)) {}

  template <Scalar T>
  Var<T> operator()(Var<T> x) const {
    return std::visit([&](const auto& norm) { return norm(x); }, norm_);
  }

 private:
  using Either = std::variant<LayerNorm, RmsNorm>;
  static Either make(const Scope& scope, const NormOptions& options) {
    if (options.kind == NormKind::rms) return RmsNorm(scope, options.channels, options.epsilon);
    return LayerNorm(scope, options.channels, options.has_bias, options.epsilon);
  }

  Either norm_;
};

}  // namespace tapehead
