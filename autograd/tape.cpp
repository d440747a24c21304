#include "autograd/tape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "autograd/base/errors.hpp"
#include "autograd/fences.hpp"
#include "autograd/profile.hpp"

namespace tapehead {

// ---- Var

template <Scalar T>
Shape Var<T>::shape() const {
  return tape().node(*this).shape;
}

template <Scalar T>
const T* Var<T>::data() const {
  return tape().node(*this).value;
}

template <Scalar T>
T Var<T>::item() const {
  if (!shape().is_scalar()) throw ShapeError(fmt::format("item: a scalar is needed, this is {}", to_string(shape())));
  return *data();
}

template <Scalar T>
bool Var<T>::needs_gradient() const {
  return tape().node(*this).needs_gradient;
}

template <Scalar T>
const char* Var<T>::op() const {
  return tape().node(*this).op;
}

template <Scalar T>
void Var<T>::refuse_empty() {
  throw GradientError(
      "variable: an empty one is used; it stands for no value, and only an optional input may be empty");
}

// ---- Pull

template <Scalar T>
Sink<T> Pull<T>::into(Var<T> x) {
  if (!x) return {};
  auto& node = tape_.node(x);
  return node.needs_gradient ? tape_.open(node) : Sink<T>{};
}

template <Scalar T>
T* Pull<T>::scratch(std::int64_t count) {
  if (tape_.fences_ != nullptr) tape_.fences_->set_label("the scratch memory of a pullback");
  return tape_.scratch_.template allocate<T>(count);
}

// ---- Tape: leaves

template <Scalar T>
Tape<T>::Tape(ParameterStore<T>& store)
    : leaves_(store.layout().blocks().size(), kNone),
      store_(&store),
      parameter_values_(store.values().data()),
      gradients_(store.gradients().data()) {}

template <Scalar T>
Var<T> Tape<T>::constant(Shape shape, const T* values) {
  T* copy = allocate(shape.size());
  std::copy_n(values, shape.size(), copy);
  return push({"constant", shape, copy});
}

template <Scalar T>
Var<T> Tape<T>::input(Shape shape, const T* values) {
  const Var<T> leaf = constant(shape, values);
  Node& made = nodes_.back();
  made.op = "input";
  made.needs_gradient = recording_;
  return leaf;
}

template <Scalar T>
Var<T> Tape<T>::leaf(const Parameter& parameter) {
  if (store_ == nullptr) {
    throw GradientError(
        fmt::format("tape: the parameter {} is used on a tape that was made without a store", parameter.name()));
  }
  const std::int32_t index = store_->layout().index_of(parameter);
  std::uint32_t& known = leaves_[static_cast<std::size_t>(index)];
  if (known != kNone) return {this, known, nodes_[known].stamp};
  const ParameterLayout::Block& block = store_->layout().block(parameter);
  const Var<T> made = push({"parameter", block.shape, parameter_values_ + block.offset});
  nodes_.back().needs_gradient = recording_;
  nodes_.back().parameter = index;
  known = made.index_;
  return made;
}

// ---- Tape: recording

template <Scalar T>
Var<T> Tape<T>::push(Node node) {
  node.stamp = next_stamp_++;
  nodes_.push_back(node);
  if (profile_ != nullptr) profile_->end_forward(node.op);
  if (fences_ != nullptr) fences_->name_new(fmt::format("the values of {}", node.op));
  return {this, static_cast<std::uint32_t>(nodes_.size() - 1), node.stamp};
}

template <Scalar T>
Var<T> Tape<T>::announce(Var<T> y, std::span<const Var<T>> inputs) {
  if (observer_ != nullptr) observer_->on_record(y, inputs);
  return y;
}

template <Scalar T>
const typename Tape<T>::Node& Tape<T>::node(const Var<T>& x) const {
  if (x.tape_ != this) throw GradientError("tape: a variable of another tape, or an empty one, is used");
  if (is_stale(x)) {
    throw GradientError("tape: a variable is used after its value is gone (the tape was reset, or its NoGrad ended)");
  }
  return nodes_[x.index_];
}

template <Scalar T>
Tape<T>& tape_of(const char* op, std::span<const Var<T>> needed, std::span<const Var<T>> optional) {
  std::size_t number = 0;
  const auto refuse = [&](const char* why) { throw GradientError(fmt::format("{}: input {} {}", op, number, why)); };
  Tape<T>* tape = nullptr;
  for (const std::span<const Var<T>> inputs : {needed, optional}) {
    for (const Var<T>& x : inputs) {
      if (!x) {
        if (inputs.data() == needed.data()) refuse("is an empty variable, which stands for no value");
      } else {
        if (tape == nullptr) tape = &x.tape();
        if (&x.tape() != tape) refuse("lives on another tape than the inputs before it");
        if (tape->is_stale(x)) refuse("is used after its value is gone (the tape was reset, or its NoGrad ended)");
      }
      ++number;
    }
  }
  if (tape == nullptr) throw GradientError(fmt::format("{}: it has no inputs", op));
  return *tape;
}

template <Scalar T>
bool Tape<T>::will_differentiate(std::span<const Var<T>> inputs) const {
  bool any = false;
  for (const Var<T>& x : inputs) any |= x && node(x).needs_gradient;
  return any && recording_;
}

// ---- Tape: differentiation

template <Scalar T>
Sink<T> Tape<T>::open(Node& node) {
  const bool fresh = node.adjoint == nullptr;
  if (fences_ != nullptr) fences_->set_label(fmt::format("the gradient of {}", node.op));
  if (fresh) {
    node.adjoint = node.parameter >= 0
                       ? gradients_ + store_->layout().blocks()[static_cast<std::size_t>(node.parameter)].offset
                       : static_cast<T*>(adjoints_.allocate(static_cast<std::size_t>(node.shape.size()) * sizeof(T)));
  }
  return {node.adjoint, fresh};
}

template <Scalar T>
void Tape<T>::backward(Var<T> loss) {
  tape_of<T>("backward", {loss});
  if (!loss.shape().is_scalar()) {
    throw GradientError(fmt::format("backward: the loss must be a scalar, it is {}", to_string(loss.shape())));
  }
  const T one(1);
  backward(loss, &one);
}

template <Scalar T>
void Tape<T>::backward(Var<T> y, const T* d_y) {
  Node& root = node(y);
  if (walked_) throw GradientError("backward: called a second time; reset() the tape and record the step again");
  if (!root.needs_gradient) throw GradientError("backward: the loss depends on nothing that needs a gradient");
  walked_ = true;
  std::copy_n(d_y, root.shape.size(), open(root).data);
  for (std::size_t i = y.index_ + 1; i-- > 0;) {
    Node& at = nodes_[i];
    if (at.pullback == nullptr || at.adjoint == nullptr) continue;  // a leaf, or not on the way to the loss
    const Var<T> here{this, static_cast<std::uint32_t>(i), at.stamp};
    if (observer_ != nullptr) observer_->before_pullback(here);
    const Arena::Mark mark = scratch_.mark();
    Pull<T> pull(*this, at.adjoint);
    at.pullback(at.closure, pull);
    if (fences_ != nullptr && fences_->often()) fences_->look(fmt::format("the pullback of {}", at.op));
    scratch_.rewind(mark);
    if (observer_ != nullptr) observer_->after_pullback(here);
    if (profile_ != nullptr) profile_->end_backward(at.op);
    adjoints_.release(at.adjoint, static_cast<std::size_t>(at.shape.size()) * sizeof(T));
    at.adjoint = nullptr;
  }
  zero_unreached_parameters();
  if (fences_ != nullptr) {
    fences_->look();
    fences_->set_label({});
  }
}

template <Scalar T>
void Tape<T>::set_fences(Fences* fences) {
  reset();
  fences_ = fences;
  values_.set_fences(fences);
  scratch_.set_fences(fences);
  adjoints_.set_fences(fences);
}

template <Scalar T>
void Tape<T>::zero_unreached_parameters() {
  for (std::size_t block = 0; block < leaves_.size(); ++block) {
    if (leaves_[block] != kNone && nodes_[leaves_[block]].adjoint != nullptr) continue;
    const auto& [shape, offset] = store_->layout().blocks()[block];
    std::fill_n(gradients_ + offset, shape.size(), T(0));
  }
}

template <Scalar T>
const T* Tape<T>::gradient(Var<T> input) const {
  const Node& at = node(input);
  if (at.pullback != nullptr) {
    throw GradientError(fmt::format("gradient: asked of the result of {}; only inputs keep theirs", at.op));
  }
  return at.adjoint;
}

template <Scalar T>
void Tape<T>::reset() {
  nodes_.clear();
  std::fill(leaves_.begin(), leaves_.end(), kNone);
  values_.reset();
  scratch_.reset();
  adjoints_.reset();
  walked_ = false;
  if (profile_ != nullptr) profile_->start();
}

// ---- NoGrad

template <Scalar T>
NoGrad<T>::NoGrad(Tape<T>& tape)
    : tape_(tape), mark_(tape.values_.mark()), nodes_(tape.nodes_.size()), recording_(tape.recording_) {
  tape.recording_ = false;
}

template <Scalar T>
NoGrad<T>::~NoGrad() {
  tape_.recording_ = recording_;
  tape_.nodes_.resize(nodes_);
  tape_.values_.rewind(mark_);
  // A leaf first asked for inside the scope is gone with it.
  for (std::uint32_t& leaf : tape_.leaves_) {
    if (leaf != Tape<T>::kNone && leaf >= nodes_) leaf = Tape<T>::kNone;
  }
}

template Tape<float>& tape_of(const char*, std::span<const Var<float>>, std::span<const Var<float>>);
template Tape<double>& tape_of(const char*, std::span<const Var<double>>, std::span<const Var<double>>);
template Tape<std::complex<double>>& tape_of(const char*, std::span<const Var<std::complex<double>>>,
                                             std::span<const Var<std::complex<double>>>);

template class Var<float>;
template class Var<double>;
template class Var<std::complex<double>>;
template class Pull<float>;
template class Pull<double>;
template class Pull<std::complex<double>>;
template class Tape<float>;
template class Tape<double>;
template class Tape<std::complex<double>>;
template class NoGrad<float>;
template class NoGrad<double>;
template class NoGrad<std::complex<double>>;

}  // namespace tapehead
