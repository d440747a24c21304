#pragma once

#include <cstdint>
#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include "autograd/check/check.hpp"
#include "autograd/problem.hpp"

namespace tapehead {

/// What there is to check.
struct GradcheckSubjects {
  std::vector<ProblemCase> cases;
  std::vector<OpSpec> refusing = {};        ///< ops whose refusals are checked
  std::vector<std::string> unchecked = {};  ///< what is registered but has no case: "ops/cube"
};

/// The ops of some specs: "ops/softmax/K5_Q3".
GradcheckSubjects subjects_of(std::span<const OpSpec> specs);

/// Every op, layer and model: "ops/…", "layers/…", "models/…".
GradcheckSubjects all_subjects();

/// Those whose name contains the pattern. One with wildcards must match the whole name, the name without its group
/// ("softmax/K5_Q3") or the op, layer or model alone ("softmax"). An empty pattern matches all. Throws ConfigError when
/// no case matches: a check of nothing must not look like one that passed.
GradcheckSubjects matching(GradcheckSubjects subjects, const std::string& pattern);

struct GradcheckOptions {
  CheckOptions check = {};
  int threads = 1;   ///< cases that are checked at once; no result depends on it
  int seconds = 60;  ///< of processor time that a case may take; 0: no limit
  bool allow_inconclusive = false;
  std::ostream* progress = nullptr;  ///< a terminal that is told how far it is
};

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

/// Checks everything, each case in a child process of its own: what it throws, how it crashes, or that it does not end
/// is a failure of this case.
GradcheckResult gradcheck(const GradcheckSubjects& subjects, const GradcheckOptions& options = {});

/// A row for each op, layer and model, then whatever is wrong, then a sentence that sums up.
std::string gradcheck_text(const GradcheckResult& result, std::size_t width = 1000);
/// All of it, every derivative, as one JSON object.
std::string gradcheck_json(const GradcheckResult& result);

}  // namespace tapehead
