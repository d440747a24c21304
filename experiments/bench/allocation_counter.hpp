#pragma once

#include <cstdint>

namespace tapehead {

/// Counts every heap allocation of every thread while it lives: operator new, Armadillo's and OpenBLAS's too. It asks
/// the library `tapehead-allocations`, which replaces malloc; a program that does not load it keeps the system's own.
class AllocationCounter {
 public:
  AllocationCounter();
  ~AllocationCounter();
  AllocationCounter(const AllocationCounter&) = delete;
  AllocationCounter& operator=(const AllocationCounter&) = delete;

  /// Whether the counting library is loaded; if not, count() stays 0. It is not built for sanitizers or for a C library
  /// other than glibc.
  static bool available();

  std::int64_t count() const;
};

/// Starts this program over with the arguments that main() was given, so that the counting library is loaded; does
/// nothing where it is loaded already or not found (beside the program, or in lib/tapehead of where it is installed).
void start_over_counting_allocations(char** arguments);

}  // namespace tapehead
