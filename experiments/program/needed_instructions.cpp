// Compiled as the rest of the program is, so that the compiler's macros say what the rest may use. Data alone: no code
// of this file runs.
#include <iterator>

#include "experiments/program/instruction_sets.hpp"
#include "experiments/program/processor.hpp"

// What a macro stands for, as text: "1" if the compiler defines it, else its own name.
#define TAPEHEAD_TEXT(x) #x
#define TAPEHEAD_VALUE(x) TAPEHEAD_TEXT(x)

namespace tapehead {
namespace {

// In the order of kInstructionSets.
constexpr const char* kMacros[] = {
    TAPEHEAD_VALUE(__SSE3__),       TAPEHEAD_VALUE(__SSSE3__),        TAPEHEAD_VALUE(__SSE4_1__),
    TAPEHEAD_VALUE(__SSE4_2__),     TAPEHEAD_VALUE(__POPCNT__),       TAPEHEAD_VALUE(__AVX__),
    TAPEHEAD_VALUE(__AVX2__),       TAPEHEAD_VALUE(__FMA__),          TAPEHEAD_VALUE(__BMI__),
    TAPEHEAD_VALUE(__BMI2__),       TAPEHEAD_VALUE(__AVX512F__),      TAPEHEAD_VALUE(__AVX512CD__),
    TAPEHEAD_VALUE(__AVX512BW__),   TAPEHEAD_VALUE(__AVX512DQ__),     TAPEHEAD_VALUE(__AVX512VL__),
    TAPEHEAD_VALUE(__AVX512IFMA__), TAPEHEAD_VALUE(__AVX512VBMI__),   TAPEHEAD_VALUE(__AVX512VBMI2__),
    TAPEHEAD_VALUE(__AVX512VNNI__), TAPEHEAD_VALUE(__AVX512BITALG__), TAPEHEAD_VALUE(__AVX512VPOPCNTDQ__),
    TAPEHEAD_VALUE(__AVX512BF16__),
};
static_assert(std::size(kMacros) == kInstructionSetCount);

constexpr std::uint32_t needed() {
  std::uint32_t mask = 0;
  for (std::size_t i = 0; i < std::size(kMacros); ++i) {
    if (kMacros[i][0] == '1') mask |= std::uint32_t{1} << i;
  }
  return mask;
}

}  // namespace

constinit const std::uint32_t kNeededInstructions = needed();

}  // namespace tapehead
