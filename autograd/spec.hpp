#pragma once

#include <algorithm>
#include <complex>
#include <concepts>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "autograd/forward.hpp"
#include "autograd/shape.hpp"

namespace tapehead {

template <Scalar T>
using Inputs = std::span<const Var<T>>;

/// One callable for the three scalars, made from a generic lambda: `[](auto x) { return softmax(x[0]); }`, where x is
/// an Inputs<T>, or `[](auto& tape, auto x) { … }` for one that needs the tape. A callable that takes one scalar alone,
/// `[](Inputs<double> x) { … }`, stands for that one.
class GenericFunction {
 public:
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, GenericFunction>) GenericFunction(F f)
      : float_(adapted<float>(f)), double_(adapted<double>(f)), complex_(adapted<std::complex<double>>(f)) {}

  /// Throws GradientError if it does not take this scalar.
  template <Scalar T>
  Var<T> operator()(Tape<T>& tape, Inputs<T> inputs) const {
    if (!takes<T>()) throw_not_taken(name_of_scalar<T>());
    return of<T>()(tape, inputs);
  }

  /// Whether it takes this scalar.
  template <Scalar T>
  bool takes() const {
    return static_cast<bool>(of<T>());
  }

  /// "the function takes float alone; gradients are checked in double: …", or the empty string if it takes double.
  std::string why_not_double() const;

 private:
  template <Scalar T>
  using Call = std::function<Var<T>(Tape<T>&, Inputs<T>)>;

  template <Scalar T, class F>
  static Call<T> adapted(F f) {
    if constexpr (std::invocable<F, Tape<T>&, Inputs<T>>) {
      return f;
    } else if constexpr (std::invocable<F, Inputs<T>>) {
      return [f](Tape<T>&, Inputs<T> inputs) { return f(inputs); };
    } else {
      return {};
    }
  }

  template <Scalar T>
  const Call<T>& of() const {
    if constexpr (std::same_as<T, float>) {
      return float_;
    } else if constexpr (std::same_as<T, double>) {
      return double_;
    } else {
      return complex_;
    }
  }

  template <Scalar T>
  static constexpr const char* name_of_scalar() {
    return std::same_as<T, float> ? "float" : std::same_as<T, double> ? "double" : "complex numbers";
  }
  [[noreturn]] static void throw_not_taken(const char* scalar);

  Call<float> float_;
  Call<double> double_;
  Call<std::complex<double>> complex_;
};

/// Rows [first, first + rows) of an input that belong together: `heads` heads, one below another.
struct RowPart {
  std::string name;
  std::int64_t first = 0;
  std::int64_t rows = 0;
  std::int64_t heads = 1;

  bool holds(std::int64_t row) const { return row >= first && row < first + rows; }
  /// REQUIRES: holds(row).
  std::int64_t head_of(std::int64_t row) const { return (row - first) / std::max<std::int64_t>(1, rows / heads); }
};

/// One sample input: its shape and the interval that its elements are drawn from, uniformly.
struct InputSpec {
  Shape shape;
  double low = -2;
  double high = 2;
  std::string name = {};            ///< empty: "input 0" …
  std::vector<RowPart> parts = {};  ///< what its rows are, for reports; empty: one thing
};

/// Which key may be attended by which query, and how many heads lie in the rows of the output.
struct AttentionRule {
  std::int64_t heads = 1;
  std::function<bool(std::int64_t query, std::int64_t key, std::int64_t slice)> may_attend;
};

/// A way of calling the op that must have right gradients: `label` names shape and options, "K5_Q3".
struct OpCase {
  std::string label;
  std::vector<InputSpec> inputs;
  GenericFunction call;
  AttentionRule attention = {};  ///< of an op that attends: no derivative may cross what it forbids
};

/// A call that must throw a tapehead::Error with `message` in its text, in every scalar, whether or
/// not a gradient is wanted.
struct OpRefusal {
  std::string label;
  std::vector<Shape> inputs;
  GenericFunction call;
  std::string message;
};

/// What an op promises, as data. Its tests and the `gradcheck` command are made from this alone.
struct OpSpec {
  std::string name;
  std::vector<OpCase> cases;
  std::vector<OpRefusal> refusals = {};
  /// How the op differentiates a dual number: by arithmetic alone, or by a rule that somebody wrote (erf, |x|, max).
  /// Such a rule is not evidence for itself: differences decide.
  bool dual_by_hand = false;
};

/// The specs of every op that is built, by name. Generated from the list of op sources: an op without one does not
/// link.
const std::vector<OpSpec>& op_specs();

}  // namespace tapehead
