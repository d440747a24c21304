#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "autograd/check/report.hpp"

namespace tapehead {

struct RefusalReport {
  std::string subject;
  std::string failure;  ///< empty if it was refused as promised
};

struct GradcheckResult {
  std::vector<CheckReport> reports;  ///< in the order of the cases
  std::vector<RefusalReport> refusals;
  std::vector<std::string> unchecked;
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
