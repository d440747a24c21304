#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "autograd/check/report.hpp"

namespace tapehead {

/// How many tasks run at once, and how long each may.
struct Isolation {
  int at_once = 1;
  int seconds = 60;  ///< of processor time, sixty times that by the clock; 0: no limit
};

/// What came of a task: its answer, or how its process ended instead: "ended by SIGSEGV (Segmentation fault)".
struct IsolatedAnswer {
  std::optional<std::string> text;
  std::string why_not = {};
};

/// Calls work(i) for every i in [0, count) in child processes, and done(i, answer) here, in the order in which answers
/// come. Whatever a task does to its memory, to its time or to its process, the others go on. What it writes to
/// standard output comes out on standard error. BLAS has one thread there.
///
/// A fork costs about as much as checking a small op. So a process goes on with the next task until some tenths of a
/// second are over. If it crashes, the task in hand is tried again in a process of its own: if it then ends well, one
/// that stood before it in the same process has written where it must not, and the answer says so.
///
/// Where the system gives no process, `work` runs here, unprotected. REQUIRES: no other thread has locked what `work`
/// needs (see ChildProcess).
void for_each_isolated(std::int64_t count, const Isolation& isolation,
                       const std::function<std::string(std::int64_t)>& work,
                       const std::function<void(std::int64_t, IsolatedAnswer)>& done);

/// A report as a text for isolated tasks, and back. Throws GradientError if it is not one: a process that wrote where
/// it must not may have damaged it.
std::string to_bytes(const CheckReport& report);
CheckReport report_of_bytes(const std::string& bytes);
/// The report that a task answered with; or, of one that did not, a report that says how it ended.
CheckReport report_of(const IsolatedAnswer& answer, std::uint64_t seed);

}  // namespace tapehead
