#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <new>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "autograd/arena.hpp"
#include "autograd/forward.hpp"
#include "autograd/parameters.hpp"
#include "autograd/shape.hpp"

namespace tapehead {

class BranchDigest;
class Fences;
class OpProfile;
class WorkerPool;
template <Scalar T>
class TapeObserver;

/// The tape that the inputs of an op live on: what every op asks for first. `needed` must all be there; `optional` ones
/// may be empty. Throws GradientError "add: input 1 …" for an input that is empty, stale, or on another tape than those
/// before.
template <Scalar T>
Tape<T>& tape_of(const char* op, std::span<const Var<T>> needed, std::span<const Var<T>> optional);

/// A handle to a value on a tape: small, copied freely. Using one whose value is gone (after Tape::reset, or after
/// the NoGrad scope that it was made in) throws GradientError.
template <Scalar T>
class Var {
 public:
  Var() = default;

  /// False for a default-made handle, which ops take as "no such input".
  explicit operator bool() const { return tape_ != nullptr; }

  /// Throws GradientError for a default-made handle, as all that follow do.
  Tape<T>& tape() const {
    if (tape_ == nullptr) refuse_empty();
    return *tape_;
  }
  /// By value: an op that is recorded moves what a reference would refer to.
  Shape shape() const;
  const T* data() const;
  /// The only element of a scalar. Throws ShapeError on any other shape.
  T item() const;
  /// Whether a gradient will flow into this value.
  bool needs_gradient() const;
  /// The name of the op that made it, or of the kind of leaf that it is.
  const char* op() const;
  /// Its place in the tape's list.
  std::uint32_t index() const { return index_; }

 private:
  friend class Tape<T>;
  friend class Pull<T>;
  Var(Tape<T>* tape, std::uint32_t index, std::uint32_t stamp) : tape_(tape), index_(index), stamp_(stamp) {}
  [[noreturn]] static void refuse_empty();

  Tape<T>* tape_ = nullptr;
  std::uint32_t index_ = 0;
  std::uint32_t stamp_ = 0;
};

/// Where a pullback adds its contribution d_x. `fresh`: this is the first contribution, the memory holds nothing yet
/// and must be overwritten, every element of it.
template <Scalar T>
struct Sink {
  T* data = nullptr;
  bool fresh = false;

  /// False when the input needs no gradient: there is nothing to do.
  explicit operator bool() const { return data != nullptr; }
  /// The beta of a product that accumulates here.
  T beta() const { return fresh ? T(0) : T(1); }
  /// data[i] += value(i) for i in [0, count), or = if fresh. `value` is inlined and vectorised twice.
  template <class F>
  void accumulate(std::int64_t count, F value) const {
    if (fresh) {
      for (std::int64_t i = 0; i < count; ++i) data[i] = value(i);
    } else {
      for (std::int64_t i = 0; i < count; ++i) data[i] += value(i);
    }
  }
  /// For contributions that reach only parts: makes the memory zero if it holds nothing yet. Afterwards always add.
  void zero_if_fresh(std::int64_t count) {
    if (fresh) std::fill_n(data, count, T(0));
    fresh = false;
  }
};

/// What a pullback sees of the tape.
template <Scalar T>
class Pull {
 public:
  /// The adjoint d_y of the op's output, complete. It is recycled when the pullback returns.
  const T* d_output() const { return d_output_; }

  /// Opens d_x for one contribution; write it before opening the same input again.
  Sink<T> into(Var<T> x);

  /// Uninitialised memory that lasts until the pullback returns.
  T* scratch(std::int64_t count);

 private:
  friend class Tape<T>;
  Pull(Tape<T>& tape, const T* d_output) : tape_(tape), d_output_(d_output) {}
  Tape<T>& tape_;
  const T* d_output_;
};

/// Records what one training step computes, as a list in creation order (which is topological order), and walks it
/// backwards. It owns the values, what the pullbacks keep, and the adjoints. Nothing is global: one tape per thread.
///
/// Writing an op: tape_of() its inputs, allocate the output, compute it, then record it with its pullback, a closure
/// that is trivially copyable and destructible (captures: Var, raw pointers from allocate(), numbers). See
/// autograd/ops/scale.cpp.
template <Scalar T>
class Tape {
 public:
  Tape() = default;
  /// A tape whose leaves point into `store`; its gradients go to the store's gradients, or to what bind_gradients
  /// names.
  explicit Tape(ParameterStore<T>& store);
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // ---- leaves

  /// A copy of `values` that no gradient flows into.
  Var<T> constant(Shape shape, const T* values);
  /// A copy of `values` that collects a gradient: see gradient().
  Var<T> input(Shape shape, const T* values);
  /// A block of the store; asking twice gives the same node. Throws GradientError, naming the parameter, on a tape
  /// without a store and on one whose store is of another layout.
  Var<T> leaf(const Parameter& parameter);

  // ---- recording

  /// Uninitialised memory that lasts as long as the tape's values.
  T* allocate(std::int64_t count) { return values_.template allocate<T>(count); }
  template <class U>
  U* allocate_as(std::int64_t count) {
    static_assert(std::is_trivially_destructible_v<U>);
    return values_.template allocate<U>(count);
  }

  /// Whether an op of these inputs will be differentiated: only then must it keep anything. Handles that are false are
  /// skipped. Throws GradientError when an input lives on another tape or is stale.
  bool will_differentiate(std::span<const Var<T>> inputs) const;
  bool will_differentiate(std::initializer_list<Var<T>> inputs) const {
    return will_differentiate(std::span(inputs.begin(), inputs.size()));
  }

  /// Puts an op's output on the list. `pullback` is called as pullback(Pull<T>&) with d_y complete; it is dropped
  /// unless will_differentiate(inputs). `op` is a literal, the op's name in reports.
  template <class F>
  Var<T> record(const char* op, Shape shape, T* value, std::span<const Var<T>> inputs, F pullback) {
    static_assert(
        std::is_trivially_copyable_v<F> && std::is_trivially_destructible_v<F>,
        "a pullback lives in an arena: it may capture handles, pointers and numbers, nothing that owns memory");
    if (!will_differentiate(inputs)) return announce(push({op, shape, value}), inputs);
    void* closure = new (values_.allocate(sizeof(F))) F(pullback);
    return announce(
        push({op, shape, value, nullptr, closure, [](void* f, Pull<T>& pull) { (*static_cast<F*>(f))(pull); }, true}),
        inputs);
  }

  template <class F>
  Var<T> record(const char* op, Shape shape, T* value, std::initializer_list<Var<T>> inputs, F pullback) {
    return record(op, shape, value, std::span(inputs.begin(), inputs.size()), pullback);
  }

  // ---- differentiation

  /// Fills the gradients of every leaf that reaches `loss`; parameters that do not reach it get zeros. Throws
  /// GradientError unless `loss` is a scalar that needs a gradient, and on a second call before reset().
  void backward(Var<T> loss);
  /// The same from a value of any shape, with `d_y` for its adjoint: a vector-Jacobian product.
  void backward(Var<T> y, const T* d_y);

  /// The gradient of an input() after backward(), or nullptr when the loss does not depend on it. Throws GradientError
  /// for the result of an op: its adjoint has been recycled.
  const T* gradient(Var<T> input) const;

  /// Sends the gradients of parameters to a flat vector laid out as the store (a shard's buffer). Call before leaf().
  void bind_gradients(T* flat) { gradients_ = flat; }

  /// Threads that an op may spread its work over (see for_each_task): given when a batch leaves them nothing else to
  /// do.
  void set_workers(WorkerPool* workers) { workers_ = workers; }
  /// nullptr: an op works in the calling thread.
  WorkerPool* workers() const { return workers_; }

  /// Where the times of ops go; nullptr: nowhere.
  void set_profile(OpProfile* profile) { profile_ = profile; }

  /// Who is told of every op; nullptr: nobody.
  void set_observer(TapeObserver<T>* observer) { observer_ = observer; }
  /// Where ops whose derivative jumps note which side they are on (see branches.hpp); nullptr: nowhere.
  void set_branches(BranchDigest* branches) { branches_ = branches; }
  BranchDigest* branches() const { return branches_; }

  /// Puts all memory of the tape between fences (see fences.hpp), for a check; nullptr: none. Call when the tape is
  /// empty.
  void set_fences(Fences* fences);

  /// d_x as far as it has been gathered, for an observer of backward(); nullptr while there is none.
  const T* adjoint(Var<T> x) const { return node(x).adjoint; }

  /// Forgets everything; memory is kept. Every handle becomes stale.
  void reset();

  std::size_t node_count() const { return nodes_.size(); }
  /// Bytes of memory that the tape holds on to.
  std::size_t memory() const { return values_.capacity(); }

 private:
  friend class Var<T>;
  friend class Pull<T>;
  template <Scalar U>
  friend class NoGrad;
  template <Scalar U>
  friend Tape<U>& tape_of(const char*, std::span<const Var<U>>, std::span<const Var<U>>);

  using Pullback = void (*)(void* closure, Pull<T>&);
  struct Node {
    const char* op = nullptr;
    Shape shape;
    T* value = nullptr;
    T* adjoint = nullptr;  // set by the first contribution
    void* closure = nullptr;
    Pullback pullback = nullptr;
    bool needs_gradient = false;
    std::int32_t parameter = -1;
    std::uint32_t stamp = 0;
  };
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  Var<T> push(Node node);
  Var<T> announce(Var<T> y, std::span<const Var<T>> inputs);
  const Node& node(const Var<T>& x) const;
  bool is_stale(const Var<T>& x) const { return x.index_ >= nodes_.size() || nodes_[x.index_].stamp != x.stamp_; }
  Node& node(const Var<T>& x) { return const_cast<Node&>(std::as_const(*this).node(x)); }
  Sink<T> open(Node& node);
  void zero_unreached_parameters();

  std::vector<Node> nodes_;
  std::vector<std::uint32_t> leaves_;  // node of each parameter block, or kNone
  Arena values_;
  Arena scratch_;
  RecyclingArena adjoints_;
  const ParameterStore<T>* store_ = nullptr;
  T* parameter_values_ = nullptr;
  T* gradients_ = nullptr;
  WorkerPool* workers_ = nullptr;
  OpProfile* profile_ = nullptr;
  TapeObserver<T>* observer_ = nullptr;
  BranchDigest* branches_ = nullptr;
  Fences* fences_ = nullptr;
  std::uint32_t next_stamp_ = 1;
  bool recording_ = true;
  bool walked_ = false;
};

template <Scalar T>
Tape<T>& tape_of(const char* op, std::initializer_list<Var<T>> needed, std::initializer_list<Var<T>> optional = {}) {
  return tape_of(op, std::span<const Var<T>>(needed.begin(), needed.size()),
                 std::span<const Var<T>>(optional.begin(), optional.size()));
}

/// Watches a tape at work, to check it or to find where something came from; nothing in training.
template <Scalar T>
class TapeObserver {
 public:
  virtual ~TapeObserver() = default;
  /// An op was recorded. Leaves are not announced.
  virtual void on_record(Var<T> /*y*/, std::span<const Var<T>> /*inputs*/) {}
  /// Around the pullback of y, whose adjoint is complete.
  virtual void before_pullback(Var<T> /*y*/) {}
  virtual void after_pullback(Var<T> /*y*/) {}
};

/// A scope of pure inference: nothing is kept for a backward pass, and at its end the tape is as it was, memory
/// included.
template <Scalar T>
class NoGrad {
 public:
  explicit NoGrad(Tape<T>& tape);
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  Tape<T>& tape_;
  Arena::Mark mark_;
  std::size_t nodes_;
  bool recording_;
};

}  // namespace tapehead
