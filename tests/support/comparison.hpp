#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace tapehead::testing_support {

/// Holds numbers to a bound on |a − b| / max(1, |b|), and remembers the largest error of a test: it is printed and
/// recorded with the test's result at the end. A test that compared nothing fails.
class Comparison {
 public:
  explicit Comparison(double bound) : bound_(bound) {}
  ~Comparison();
  Comparison(const Comparison&) = delete;
  Comparison& operator=(const Comparison&) = delete;

  /// Fails once, naming the worst element, unless both are of one size and within the bound. NaN is never within.
  void near(const std::string& what, std::span<const double> actual, std::span<const double> expected);

  double largest() const { return largest_; }

 private:
  double bound_;
  double largest_ = 0;
  std::int64_t count_ = 0;
};

}  // namespace tapehead::testing_support
