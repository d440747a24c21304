#pragma once

#include <optional>
#include <string>

#include "autograd/ops/add.hpp"
#include "layers/dropout.hpp"
#include "layers/norm.hpp"

namespace tapehead {

/// Where a layer normalises: see Residual.
enum class NormPlace { pre, post, both, none };

/// The residual path around a part f of a layer, with its norms and its dropout d:
///
///     pre    x + d(f(norm(x)))           Xiong et al. 2020
///     post   norm(x + d(f(x)))           Vaswani et al. 2017, §3.1
///     both   x + d(after(f(norm(x))))    Ding et al. 2021, CogView, "Sandwich-LN"
///     none   x + d(f(x))
///
/// x (C, T, B) → (C, T, B), and so is f. Parameters `NAME_norm.*`, of both `NAME_after_norm.*` as well.
struct Residual {
  struct Options {
    NormPlace place = NormPlace::pre;
    NormOptions norm = {};
    double dropout = 0;
  };
  /// `part`: its name; empty if f is the whole layer, and the names are `norm.*` and `after_norm.*`.
  Residual(const Scope& layer, const std::string& part, const Options& options)
      : place(options.place),
        norm(make(layer, part + (part.empty() ? "norm" : "_norm"), options, place != NormPlace::none)),
        after(make(layer, part + (part.empty() ? "after_norm" : "_after_norm"), options, place == NormPlace::both)),
        dropout(layer, options.dropout) {}

  template <Scalar T, class F>
  Var<T> operator()(Var<T> x, const Pass& pass, F f) const {
    const bool before = place == NormPlace::pre || place == NormPlace::both;
    Var<T> y = f(before ? (*norm)(x) : x);
    if (after) y = (*after)(y);
    y = add(x, dropout(y, pass));
    return place == NormPlace::post ? (*norm)(y) : y;
  }

  NormPlace place;
  std::optional<Norm> norm, after;
  Dropout dropout;

 private:
  static std::optional<Norm> make(const Scope& layer, const std::string& name, const Options& options, bool wanted) {
    if (!wanted) return std::nullopt;
    return Norm(layer / name, options.norm);
  }
};

}  // namespace tapehead
