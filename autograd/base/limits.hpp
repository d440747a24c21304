#pragma once

#include <cstdint>
#include <limits>
#include <string>

/// \file
/// What this process may take of the machine it runs on: memory in bytes, processors. Linux says so in several places,
/// and the least of them counts.

namespace tapehead {

/// What the control groups of a process leave it; infinite where they set no limit.
struct ControlGroupLimits {
  double memory = std::numeric_limits<double>::infinity();      ///< bytes that may still be taken
  double processors = std::numeric_limits<double>::infinity();  ///< processors' worth of time, such as 1.5
};

/// The tightest of this process's own groups and all above them, in both versions of control groups (cgroups(7)).
/// Memory that the kernel takes back by itself when it is needed (page cache, reclaimable slabs) counts as free.
/// `process` is the folder of a process in /proc. What cannot be read sets no limit.
ControlGroupLimits control_group_limits(const std::string& process = "/proc/self");

/// Bytes that this process may still take: the least of what the system has available, what its control groups leave,
/// and the limits on its address space and data (RLIMIT_AS, RLIMIT_DATA). Infinite if nothing is known.
double available_memory();

/// Processors that this process may use, at least 1: those it is bound to (sched_getaffinity(2)), or fewer where its
/// control groups give it less time; part of a processor counts as one.
int available_processors();

/// Threads for somebody who wants so many; 0 stands for one a processor.
int thread_count(std::int64_t wanted);

}  // namespace tapehead
