#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "autograd/check/report.hpp"

namespace tapehead {

/// The op, layer or model that a case belongs to: "ops/softmax" of "ops/softmax/K5_Q3".
std::string subject_of(const std::string& name);

struct RefusalReport {
  std::string subject;
  std::string failure;  ///< empty if it was refused as promised
};

struct GradcheckResult {
  std::vector<CheckReport> reports;  ///< in the order of the cases
  std::vector<RefusalReport> refusals;
  std::vector<std::string> unchecked;
  /// A program that shows the first failure in the smallest case that still fails so; empty: nothing failed.
  std::string smallest_failure;
  double seconds = 0;
  bool allow_inconclusive = false;

  std::int64_t derivatives() const;
  std::int64_t cases(Verdict verdict) const;
  std::int64_t failed_refusals() const;
  bool passed() const;
};

/// A row for each op, layer and model, then whatever is wrong, then a sentence that sums up.
std::string gradcheck_text(const GradcheckResult& result, std::size_t width = 1000);
/// All of it, every derivative, as one JSON object.
std::string gradcheck_json(const GradcheckResult& result);

}  // namespace tapehead
