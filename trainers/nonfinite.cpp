#include "trainers/nonfinite.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace tapehead {
namespace {

template <RealScalar T>
double largest(const std::vector<Var<T>>& inputs) {
  double size = 0;
  for (const Var<T>& x : inputs) {
    for (std::int64_t i = 0; i < x.shape().size(); ++i)
      size = std::max(size, std::abs(static_cast<double>(x.data()[i])));
  }
  return size;
}

}  // namespace

template <RealScalar T>
std::string NonfiniteFinder<T>::place(const Shape& shape, std::int64_t at) const {
  if (shape.is_scalar()) return "";
  const auto [row, position, slice] = shape.index(at);
  const std::string example = shape.slices == examples_
                                  ? fmt::format(" of example {} of the batch", first_example_ + slice)
                              : shape.slices > 1 ? fmt::format(", slice {}", slice)
                                                 : "";
  return fmt::format(" at row {}, position {}{}", row, position, example);
}

template <RealScalar T>
void NonfiniteFinder<T>::on_record(Var<T> y, std::span<const Var<T>> inputs) {
  inputs_.resize(y.index() + 1);
  std::ranges::copy_if(inputs, std::back_inserter(inputs_.back()),
                       [](const Var<T>& x) { return static_cast<bool>(x); });
  const std::int64_t at = first_nonfinite(y.data(), y.shape().size());
  if (!found_.empty() || at == y.shape().size()) return;
  found_ = fmt::format("{} (op {} on the tape) is the first to make one: {}{}, from numbers up to {:.4g}", y.op(),
                       y.index(), number_text(y.data()[at]), place(y.shape(), at), largest(inputs_.back()));
}

template <RealScalar T>
void NonfiniteFinder<T>::after_pullback(Var<T> y) {
  if (!found_.empty()) return;
  for (const Var<T>& x : inputs_.at(y.index())) {
    const T* adjoint = y.tape().adjoint(x);
    if (adjoint == nullptr) continue;
    const std::int64_t at = first_nonfinite(adjoint, x.shape().size());
    if (at == x.shape().size()) continue;
    found_ = fmt::format(
        "the pullback of {} (op {} on the tape) is the first to make one: {} in the gradient of its input {}{}", y.op(),
        y.index(), adjoint[at], x.op(), place(x.shape(), at));
    return;
  }
}

template class NonfiniteFinder<float>;
template class NonfiniteFinder<double>;

}  // namespace tapehead
