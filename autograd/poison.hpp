#pragma once

// Memory that an arena holds but has not handed out is poisoned under the address sanitizer: whoever reads or writes it
// is stopped and named. In other builds nothing is done, at no cost.

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define TAPEHEAD_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TAPEHEAD_POISONS 1
#endif
#endif

#ifdef TAPEHEAD_POISONS
#include <sanitizer/asan_interface.h>
#endif

namespace tapehead {

#ifdef TAPEHEAD_POISONS
inline constexpr bool kPoisons = true;
inline void poison(void* memory, std::size_t bytes) { __asan_poison_memory_region(memory, bytes); }
inline void unpoison(void* memory, std::size_t bytes) { __asan_unpoison_memory_region(memory, bytes); }
inline bool is_poisoned(const void* memory) { return __asan_address_is_poisoned(memory) != 0; }
#else
inline constexpr bool kPoisons = false;
inline void poison(void*, std::size_t) {}
inline void unpoison(void*, std::size_t) {}
inline bool is_poisoned(const void*) { return false; }
#endif

}  // namespace tapehead
