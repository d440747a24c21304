#pragma once

#include <cstdint>

#include "autograd/parallel.hpp"

namespace tapehead {

/// The most multiply-adds that the workers can do together, in GFLOP/s (an addition and a multiplication are two),
/// measured: independent chains in registers, in the widest vectors that the processor has. float.
double measure_fma_peak(WorkerPool& workers);

/// The most memory that this process has had resident so far.
std::int64_t peak_resident_bytes();

}  // namespace tapehead
