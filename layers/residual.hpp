#pragma once

#include "autograd/ops/add.hpp"
#include "layers/dropout.hpp"
#include "layers/norm.hpp"

namespace tapehead {

/// Where a layer normalises: pre, x + f(norm(x)) (Xiong et al. 2020), or post, norm(x + f(x)) (Vaswani et al. 2017).
enum class NormPlace { pre, post };

/// One sublayer f with its residual path, norm and dropout.
template <Scalar T, class F>
Var<T> residual(Var<T> x, const Norm& norm, const Dropout& dropout, NormPlace place, const Pass& pass, F f) {
  if (place == NormPlace::pre) return add(x, dropout(f(norm(x)), pass));
  return norm(add(x, dropout(f(x), pass)));
}

}  // namespace tapehead
