#pragma once

namespace tapehead {

/// The instruction sets that are told apart; bit i of a mask is the i-th of them.
inline constexpr const char* kInstructionSets[] = {
    "sse3",       "ssse3",      "sse4.1",     "sse4.2",      "popcnt",     "avx",          "avx2",
    "fma",        "bmi",        "bmi2",       "avx512f",     "avx512cd",   "avx512bw",     "avx512dq",
    "avx512vl",   "avx512ifma", "avx512vbmi", "avx512vbmi2", "avx512vnni", "avx512bitalg", "avx512vpopcntdq",
    "avx512bf16",
};
inline constexpr int kInstructionSetCount = sizeof(kInstructionSets) / sizeof(kInstructionSets[0]);

}  // namespace tapehead
