#include "autograd/check/evaluator.hpp"

#include <algorithm>
#include <cstring>

#include "autograd/base/errors.hpp"
#include "autograd/ops/add.hpp"

namespace tapehead {

template <Scalar T>
Evaluator<T>::Evaluator(const Problem& problem)
    : problem_(problem),
      store_(problem.layout() != nullptr ? std::make_unique<ParameterStore<T>>(*problem.layout()) : nullptr),
      tape_(store_ != nullptr ? Tape<T>(*store_) : Tape<T>()),
      point_(problem.point().begin(), problem.point().end()) {
  tape_.set_branches(&branches_);
  if (store_ != nullptr) parameter_gradients_ = store_->gradients().data();
}

template <Scalar T>
void Evaluator<T>::set_fences(Fences* fences) {
  tape_.set_fences(fences);
  if (store_ == nullptr) return;
  fenced_.set_fences(fences);
  fences->set_label("the gradients of the parameters");
  parameter_gradients_ = fenced_.allocate<T>(std::ssize(store_->gradients()));
  fences->set_label({});
  tape_.bind_gradients(parameter_gradients_);
}

template <Scalar T>
void Evaluator<T>::look_at_fences() {
  tape_.reset();
  fenced_.reset();
}

template <Scalar T>
void Evaluator<T>::load_parameters() {
  for (const Variable& variable : problem_.variables()) {
    if (!variable.parameter) continue;
    std::copy_n(point_.data() + variable.offset, variable.shape.size(), store_->values().data() + variable.flat_offset);
  }
}

template <Scalar T>
std::vector<Var<T>> Evaluator<T>::make_inputs(const Way& way, bool differentiable) {
  std::vector<Var<T>> inputs;
  for (std::int64_t i = 0; i < problem_.inputs(); ++i) {
    const Variable& variable = problem_.variables()[static_cast<std::size_t>(i)];
    const T* values = point_.data() + variable.offset;
    if (i == way.alias_to) {
      inputs.push_back(inputs[static_cast<std::size_t>(way.alias_from)]);
    } else if (differentiable && (i >= 64 || (way.wanted >> i & 1U) != 0)) {
      inputs.push_back(tape_.input(variable.shape, values));
    } else {
      inputs.push_back(tape_.constant(variable.shape, values));
    }
  }
  return inputs;
}

template <Scalar T>
void Evaluator<T>::keep_output(Var<T> y) {
  if (known_ && y.shape() != shape_) {
    throw ShapeError("gradient check: the output is " + to_string(shape_) + " at one point and " +
                     to_string(y.shape()) + " at another");
  }
  known_ = true;
  shape_ = y.shape();
  output_.assign(y.data(), y.data() + shape_.size());
}

template <Scalar T>
void Evaluator<T>::note_changes(const std::vector<Var<T>>& inputs, const Way& way) {
  changed_ = -1;
  for (std::size_t i = 0; i < problem_.variables().size() && changed_ < 0; ++i) {
    const Variable& variable = problem_.variables()[i];
    if (static_cast<std::int64_t>(i) == way.alias_to) continue;
    const T* now = variable.parameter ? store_->values().data() + variable.flat_offset : inputs[i].data();
    const T* before = point_.data() + variable.offset;
    for (std::int64_t e = 0; e < variable.shape.size() && changed_ < 0; ++e) {
      if (std::memcmp(now + e, before + e, sizeof(T)) != 0) changed_ = variable.offset + e;
    }
  }
}

template <Scalar T>
std::span<const T> Evaluator<T>::value() {
  tape_.reset();
  branches_.clear();
  load_parameters();
  const NoGrad<T> scope(tape_);
  const auto inputs = make_inputs({}, false);
  keep_output(problem_.function()(tape_, Inputs<T>(inputs)));
  return output_;
}

template <Scalar T>
std::vector<T> Evaluator<T>::run(std::span<const T> cotangent, const Way& way) {
  tape_.reset();
  branches_.clear();
  load_parameters();
  const auto inputs = make_inputs(way, true);
  if (way.beside_unused) problem_.function()(tape_, Inputs<T>(inputs));
  Var<T> y = problem_.function()(tape_, Inputs<T>(inputs));
  keep_output(y);
  if (way.beside_unused) problem_.function()(tape_, Inputs<T>(inputs));
  if (std::ssize(cotangent) != shape_.size()) {
    throw ShapeError("gradient check: the cotangent has not the size of the output");
  }
  for (int i = 1; i < way.times; ++i) y = add(y, problem_.function()(tape_, Inputs<T>(inputs)));
  std::vector<T> gradient(point_.size(), T(0));
  if (!y.needs_gradient()) return gradient;

  tape_.backward(y, cotangent.data());
  note_changes(inputs, way);
  for (std::size_t i = 0; i < problem_.variables().size(); ++i) {
    const Variable& variable = problem_.variables()[i];
    const T* found = nullptr;
    if (variable.parameter) {
      found = parameter_gradients_ + variable.flat_offset;
    } else if (inputs[i].needs_gradient() && static_cast<std::int64_t>(i) != way.alias_to) {
      found = tape_.gradient(inputs[i]);
    }
    if (found != nullptr) std::copy_n(found, variable.shape.size(), gradient.data() + variable.offset);
  }
  return gradient;
}

template <Scalar T>
std::vector<T> Evaluator<T>::gradient(std::span<const T> cotangent) {
  return run(cotangent, {});
}

template <Scalar T>
std::vector<T> Evaluator<T>::gradient_of_uses(std::span<const T> cotangent, int times) {
  return run(cotangent, {.times = times});
}

template <Scalar T>
std::vector<T> Evaluator<T>::gradient_beside_unused(std::span<const T> cotangent) {
  return run(cotangent, {.beside_unused = true});
}

template <Scalar T>
std::vector<T> Evaluator<T>::gradient_of_some(std::span<const T> cotangent, std::uint64_t wanted) {
  return run(cotangent, {.wanted = wanted});
}

template <Scalar T>
std::vector<T> Evaluator<T>::gradient_of_alias(std::span<const T> cotangent, std::size_t from, std::size_t to) {
  return run(cotangent, {.alias_from = static_cast<std::int64_t>(from), .alias_to = static_cast<std::int64_t>(to)});
}

template class Evaluator<float>;
template class Evaluator<double>;
template class Evaluator<std::complex<double>>;

}  // namespace tapehead
