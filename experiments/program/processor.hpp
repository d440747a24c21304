#pragma once

#include <cstdint>

/// \file
/// Which of the processor's instructions the program was compiled to use, and which of them this processor has, so that
/// a build tuned to one processor does not end on another with a bare "illegal instruction".
///
/// This runs before anything else of the program, compiled for the oldest processor: plain data and functions of C.
/// Nothing inline of the standard library may be used, since its one copy may have been compiled for the newest.

namespace tapehead {

/// What the program was compiled to use, a bit an instruction set. 0 on other architectures than x86-64.
extern const std::uint32_t kNeededInstructions;

/// What this processor has and the operating system saves; all ones on other architectures than x86-64.
std::uint32_t available_instructions() noexcept;

/// Writes one line into `text`, cut to `size` bytes: what this processor lacks, and which build to make. Returns its
/// length. REQUIRES: missing != 0.
int describe_missing_instructions(std::uint32_t missing, char* text, int size) noexcept;

}  // namespace tapehead
