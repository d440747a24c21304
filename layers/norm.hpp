#pragma once

#include <variant>

#include "layers/layer_norm.hpp"
#include "layers/rms_norm.hpp"

namespace tapehead {

enum class NormKind { layer, rms };

/// The norm that a model is built with, of either kind. x (C, T, B) → (C, T, B). Parameters of that kind's layer.
class Norm {
 public:
  Norm(const Scope& scope, std::int64_t channels, NormKind kind) : norm_(make(scope, channels, kind)) {}

  template <Scalar T>
  Var<T> operator()(Var<T> x) const {
    return std::visit([&](const auto& norm) { return norm(x); }, norm_);
  }

 private:
  using Either = std::variant<LayerNorm, RmsNorm>;
  static Either make(const Scope& scope, std::int64_t channels, NormKind kind) {
    if (kind == NormKind::rms) return RmsNorm(scope, channels);
    return LayerNorm(scope, channels);
  }

  Either norm_;
};

}  // namespace tapehead
