#pragma once

#include <cstdint>
#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include "autograd/check/check.hpp"
#include "autograd/problem.hpp"
#include "experiments/analysis/gradcheck_report.hpp"

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

/// Whether a name such as "ops/softmax/K5_Q3" contains the pattern; see matching().
bool matches_case(const std::string& pattern, const std::string& name);

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

/// Checks everything, each case in a child process of its own: what it throws, how it crashes, or that it does not end
/// is a failure of this case.
GradcheckResult gradcheck(const GradcheckSubjects& subjects, const GradcheckOptions& options = {});

}  // namespace tapehead
