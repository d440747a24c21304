#include "autograd/ops/masked_softmax.hpp"

#include <algorithm>

#include "autograd/masks/causal.hpp"
#include "autograd/ops/detail/attended.hpp"
#include "autograd/ops/detail/heads.hpp"
#include "autograd/ops/detail/masked_cases.hpp"

namespace tapehead {

template <Scalar T>
Var<T> masked_softmax(Var<T> x, const Mask& mask, std::int64_t heads) {
  Tape<T>& tape = tape_of("masked_softmax", {x});
  const Shape shape = x.shape();
  require_heads_divide("masked_softmax", heads, shape.slices, "slices", shape);
  const std::int64_t keys = shape.rows;
  T* y = tape.allocate(shape.size());
  auto* rows = tape.template allocate_as<Mask::Row>(shape.points());
  std::copy_n(x.data(), shape.size(), y);
  for (std::int64_t s = 0; s < shape.slices; ++s) {
    const MaskSite at{s / heads, s % heads, keys};
    mask.rows(at, 0, shape.columns, rows + s * shape.columns);
    const std::int64_t first = s * shape.columns;
    softmax_attended<T>(mask, at, 0, {rows + first, static_cast<std::size_t>(shape.columns)}, y + first * keys);
  }

  return tape.record("masked_softmax", shape, y, {x}, [=](Pull<T>& pull) {
    const auto d_x = pull.into(x);
    T* d = pull.scratch(keys);
    for (std::int64_t n = 0; n < shape.points(); ++n) {
      std::copy_n(pull.d_output() + n * keys, keys, d);
      pull_softmax_attended<T>({rows + n, 1}, {0, keys}, keys, y + n * keys, d);
      Sink<T>{d_x.data + n * keys, d_x.fresh}.accumulate(keys, [=](std::int64_t i) { return d[i]; });
    }
  });
}

template Var<float> masked_softmax(Var<float>, const Mask&, std::int64_t);
template Var<double> masked_softmax(Var<double>, const Mask&, std::int64_t);
template Var<std::complex<double>> masked_softmax(Var<std::complex<double>>, const Mask&, std::int64_t);

OpSpec spec_masked_softmax() {
  const auto with = [](const MaskedCall& call) {
    return [=](auto x) { return masked_softmax(x[0], call.mask, call.heads); };
  };
  std::vector<OpCase> cases = masked_cases(with);
  cases.push_back({"saturated", {{{4, 3, 2}, -30, 30}}, with({Causal{}, 2})});
  return {.name = "masked_softmax", .cases = std::move(cases), .refusals = masked_refusals("masked_softmax", with)};
}

}  // namespace tapehead
