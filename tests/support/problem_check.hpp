#pragma once

#include <gtest/gtest.h>

#include <cctype>
#include <string>

#include "autograd/check/check.hpp"

namespace tapehead::testing_support {

/// A test for every registered problem: of ops, layers or models.
class ProblemCheck : public testing::TestWithParam<ProblemCase> {
 protected:
  static void expect_right_gradients() { expect({}); }
  static void expect_right_floats() { expect({.precision = CheckedPrecision::single_precision}); }

 private:
  static void expect(CheckOptions options) {
    for (const std::uint64_t seed : {1, 2, 3}) {
      options.seed = seed;
      const CheckReport report = check_problem(GetParam(), options);
      EXPECT_TRUE(report.passed()) << "seed " << seed << ": " << report.text();
      EXPECT_FALSE(report.derivatives.empty());
    }
  }
};

/// "ops/softmax/K5_Q3" as a test may be called.
inline std::string name_of_case(const testing::TestParamInfo<ProblemCase>& at) {
  std::string name = at.param.name;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

}  // namespace tapehead::testing_support
