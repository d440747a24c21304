#pragma once

#include <gmock/gmock.h>

#include <concepts>
#include <ostream>
#include <utility>
#include <vector>

#include "autograd/check/check.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

// NOLINTBEGIN(readability-identifier-naming): GoogleTest's names

/// How GoogleTest shows one.
inline void PrintTo(const GenericFunction&, std::ostream* out) { *out << "a function of inputs"; }

/// Matches a function whose gradients are right, on inputs of these shapes:
///
///     EXPECT_THAT(GenericFunction([](auto x) { return cube(x[0]); }), HasCorrectGradients({{{3, 4}}}));
///
/// A callable of declared inputs, `[]<Scalar T>(Inputs<T> x) { … }`, may stand there as it is; one of `auto` may not,
/// since GoogleTest tries to print it with a stream for x. What does not match is told with the report of
/// check_gradients(); what could not be decided does not match.
class CorrectGradientsMatcher {
 public:
  CorrectGradientsMatcher(std::vector<InputSpec> inputs, CheckOptions options)
      : inputs_(std::move(inputs)), options_(options) {}

  bool MatchAndExplain(const GenericFunction& function, testing::MatchResultListener* listener) const {
    const CheckReport report = check_gradients(function, inputs_, options_);
    *listener << report.text();
    return report.passed();
  }
  template <class F>
  requires(!std::same_as<F, GenericFunction>) bool MatchAndExplain(const F& function,
                                                                   testing::MatchResultListener* listener) const {
    return MatchAndExplain(GenericFunction(function), listener);
  }

  void DescribeTo(std::ostream* out) const { *out << "has the gradients that the oracles find"; }
  void DescribeNegationTo(std::ostream* out) const {
    *out << "has not the gradients that the oracles find, or none that they could decide";
  }

 private:
  std::vector<InputSpec> inputs_;
  CheckOptions options_;
};

/// See CorrectGradientsMatcher. Each input is a shape, and the interval that its elements are drawn from.
inline testing::PolymorphicMatcher<CorrectGradientsMatcher> HasCorrectGradients(std::vector<InputSpec> inputs,
                                                                                const CheckOptions& options = {}) {
  return testing::MakePolymorphicMatcher(CorrectGradientsMatcher(std::move(inputs), options));
}

// NOLINTEND(readability-identifier-naming)

}  // namespace tapehead
