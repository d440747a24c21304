#pragma once

#include <cstdint>

namespace tapehead {

/// Counts every heap allocation of every thread while it lives: malloc and its relatives are replaced in a program
/// that links allocation_counter.cpp, so operator new, Armadillo and OpenBLAS are seen too.
class AllocationCounter {
 public:
  AllocationCounter();
  ~AllocationCounter();
  AllocationCounter(const AllocationCounter&) = delete;
  AllocationCounter& operator=(const AllocationCounter&) = delete;

  /// Whether this build can count: a C library other than glibc, or a sanitizer, keeps its own malloc.
  static bool available();

  std::int64_t count() const;
};

}  // namespace tapehead
