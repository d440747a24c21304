#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "autograd/arena.hpp"
#include "autograd/branches.hpp"
#include "autograd/fences.hpp"
#include "autograd/problem.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// Runs a problem's function on one tape, again and again, at points of its flat vector. Not for two threads.
template <Scalar T>
class Evaluator {
 public:
  /// The problem must outlive it. Starts at the problem's point.
  explicit Evaluator(const Problem& problem);

  /// Where the function is evaluated; to be changed freely between calls.
  std::vector<T>& point() { return point_; }

  /// The output, forward alone. Valid until the next call. Throws ShapeError if it is not of the first call's shape.
  std::span<const T> value();

  /// d(cotangent · y)/d(point), forward and backward. Zeros where nothing reaches the output.
  std::vector<T> gradient(std::span<const T> cotangent);

  /// The gradient when the function is applied `times` times to the same variables and the outputs are added up.
  std::vector<T> gradient_of_uses(std::span<const T> cotangent, int times);
  /// The gradient when the function is applied three times, and two of the outputs go nowhere: no gradient comes to
  /// them.
  std::vector<T> gradient_beside_unused(std::span<const T> cotangent);
  /// The gradient when only the inputs with a bit set need one; zeros for the others.
  std::vector<T> gradient_of_some(std::span<const T> cotangent, std::uint64_t wanted);
  /// The gradient when input `to` is the very variable that input `from` is: the sum stands at `from`, zeros at `to`.
  std::vector<T> gradient_of_alias(std::span<const T> cotangent, std::size_t from, std::size_t to);

  Shape output_shape() const { return shape_; }
  /// Output of the last call.
  const std::vector<T>& output() const { return output_; }
  /// The first element of the point whose number on the tape, or in the parameters, was not the same to the bit when
  /// the last gradient was there; -1: all were.
  std::int64_t changed() const { return changed_; }
  /// Sides taken in the last call, where derivatives jump.
  std::uint64_t branches() const { return branches_.value(); }
  Tape<T>& tape() { return tape_; }

  /// Puts all memory that the function writes between fences (see autograd/fences.hpp), gradients of parameters
  /// included.
  void set_fences(Fences* fences);
  /// Looks at all of them; what was computed is gone.
  void look_at_fences();

 private:
  struct Way {
    std::uint64_t wanted = ~std::uint64_t{0};  // a bit for each of the first inputs; the others need one
    int times = 1;
    bool beside_unused = false;
    std::int64_t alias_from = -1, alias_to = -1;
  };

  void load_parameters();
  std::vector<Var<T>> make_inputs(const Way& way, bool differentiable);
  std::vector<T> run(std::span<const T> cotangent, const Way& way);
  void keep_output(Var<T> y);
  void note_changes(const std::vector<Var<T>>& inputs, const Way& way);

  const Problem& problem_;
  std::unique_ptr<ParameterStore<T>> store_;
  Tape<T> tape_;
  std::vector<T> point_, output_;
  Shape shape_;
  BranchDigest branches_;
  Arena fenced_;  // holds the gradients of parameters
  T* parameter_gradients_ = nullptr;
  bool known_ = false;  // shape_
  std::int64_t changed_ = -1;
};

}  // namespace tapehead
