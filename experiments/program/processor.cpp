#include "experiments/program/processor.hpp"

#include "experiments/program/instruction_sets.hpp"

namespace tapehead {
namespace {

int append(char* text, int size, int length, const char* words) noexcept {
  for (; *words != '\0' && length < size; ++words) text[length++] = *words;
  return length;
}

}  // namespace

std::uint32_t available_instructions() noexcept {
#if defined(__x86_64__)
  // The compiler's run-time library asks the processor, and XGETBV for what the operating system saves.
  __builtin_cpu_init();
  const int has[] = {
      __builtin_cpu_supports("sse3"),
      __builtin_cpu_supports("ssse3"),
      __builtin_cpu_supports("sse4.1"),
      __builtin_cpu_supports("sse4.2"),
      __builtin_cpu_supports("popcnt"),
      __builtin_cpu_supports("avx"),
      __builtin_cpu_supports("avx2"),
      __builtin_cpu_supports("fma"),
      __builtin_cpu_supports("bmi"),
      __builtin_cpu_supports("bmi2"),
      __builtin_cpu_supports("avx512f"),
      __builtin_cpu_supports("avx512cd"),
      __builtin_cpu_supports("avx512bw"),
      __builtin_cpu_supports("avx512dq"),
      __builtin_cpu_supports("avx512vl"),
      __builtin_cpu_supports("avx512ifma"),
      __builtin_cpu_supports("avx512vbmi"),
      __builtin_cpu_supports("avx512vbmi2"),
      __builtin_cpu_supports("avx512vnni"),
      __builtin_cpu_supports("avx512bitalg"),
      __builtin_cpu_supports("avx512vpopcntdq"),
      __builtin_cpu_supports("avx512bf16"),
  };
  static_assert(sizeof(has) / sizeof(has[0]) == kInstructionSetCount);
  std::uint32_t mask = 0;
  for (int i = 0; i < kInstructionSetCount; ++i) {
    if (has[i] != 0) mask |= std::uint32_t{1} << i;
  }
  return mask;
#else
  return ~std::uint32_t{0};
#endif
}

int describe_missing_instructions(std::uint32_t missing, char* text, int size) noexcept {
  int length = append(text, size, 0, "tapehead: this program was built for a newer processor: this one lacks");
  const char* separator = " ";
  for (int i = 0; i < kInstructionSetCount; ++i) {
    if ((missing >> i & 1U) == 0) continue;
    length = append(text, size, length, separator);
    length = append(text, size, length, kInstructionSets[i]);
    separator = ", ";
  }
  return append(text, size, length, "; build it here (make build), or for any processor (make portable)\n");
}

}  // namespace tapehead
