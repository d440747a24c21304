#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "autograd/tape.hpp"
#include "trainers/finite.hpp"

namespace tapehead {

/// Watches a step for the first NaN or infinity: in the value of an op, or in what its pullback adds to the gradient of
/// an input. What went into that op was finite, so that op made it. Costs a look at every number; training runs a step
/// again under it only when the result is not finite.
template <RealScalar T>
class NonfiniteFinder : public TapeObserver<T> {
 public:
  /// `examples` of the batch, from `first_example` on, are what the slices of the tape's values belong to.
  NonfiniteFinder(std::int64_t first_example, std::int64_t examples)
      : first_example_(first_example), examples_(examples) {}

  void on_record(Var<T> y, std::span<const Var<T>> inputs) override;
  void after_pullback(Var<T> y) override;

  /// What was found, as a clause: "exp (op 12) makes inf at row 3, position 2 of example 17, from numbers up to 104";
  /// empty if everything was finite.
  const std::string& found() const { return found_; }

 private:
  std::string place(const Shape& shape, std::int64_t at) const;

  std::int64_t first_example_, examples_;
  std::vector<std::vector<Var<T>>> inputs_;  // by the index of the op's node
  std::string found_;
};

}  // namespace tapehead
