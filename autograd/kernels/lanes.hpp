#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>

#if defined(__AVX512F__) && defined(__AVX512VL__)
#include <immintrin.h>
#endif

namespace tapehead {

/// Whether the processor that the build is for reads and writes part of a vector as fast as all of it.
#if defined(__AVX512F__) && defined(__AVX512VL__)
constexpr bool kMaskedLanes = true;
#else
constexpr bool kMaskedLanes = false;
#endif

/// Lanes [begin, end) of a vector of `Bytes` bytes, as what is left at the end of a column. Memory beside them is
/// neither read nor written. Bounds below 0 are 0, those above the number of lanes that number.
template <class T, int Bytes>
class Lanes {
 public:
  typedef T Vector __attribute__((vector_size(Bytes), may_alias));
  static constexpr int kLanes = Bytes / static_cast<int>(sizeof(T));

  explicit Lanes(std::int64_t end) : Lanes(0, end) {}
  Lanes(std::int64_t begin, std::int64_t end) : begin_(within(begin)), end_(within(end)) {}

  /// The other lanes are zero.
  Vector load(const T* from) const {
    if constexpr (!kMasked) {
      Vector v = {};
      auto* lane = reinterpret_cast<T*>(&v);
      for (int i = begin_; i < end_; ++i) lane[i] = from[i];
      return v;
    }
#if defined(__AVX512F__) && defined(__AVX512VL__)
    if constexpr (std::same_as<T, float> && Bytes == 64) return Vector(_mm512_maskz_loadu_ps(mask16(), from));
    if constexpr (std::same_as<T, float> && Bytes == 32) return Vector(_mm256_maskz_loadu_ps(mask8(), from));
    if constexpr (std::same_as<T, double> && Bytes == 64) return Vector(_mm512_maskz_loadu_pd(mask8(), from));
    if constexpr (std::same_as<T, double> && Bytes == 32) return Vector(_mm256_maskz_loadu_pd(mask8(), from));
#endif
  }

  void store(Vector v, T* to) const {
    if constexpr (!kMasked) {
      const auto* lane = reinterpret_cast<const T*>(&v);
      for (int i = begin_; i < end_; ++i) to[i] = lane[i];
    }
#if defined(__AVX512F__) && defined(__AVX512VL__)
    if constexpr (std::same_as<T, float> && Bytes == 64) _mm512_mask_storeu_ps(to, mask16(), __m512(v));
    if constexpr (std::same_as<T, float> && Bytes == 32) _mm256_mask_storeu_ps(to, mask8(), __m256(v));
    if constexpr (std::same_as<T, double> && Bytes == 64) _mm512_mask_storeu_pd(to, mask8(), __m512d(v));
    if constexpr (std::same_as<T, double> && Bytes == 32) _mm256_mask_storeu_pd(to, mask8(), __m256d(v));
#endif
  }

  /// v in these lanes, `other` elsewhere.
  Vector select(Vector v, Vector other) const {
    if constexpr (!kMasked) {
      auto* lane = reinterpret_cast<T*>(&other);
      const auto* from = reinterpret_cast<const T*>(&v);
      for (int i = begin_; i < end_; ++i) lane[i] = from[i];
      return other;
    }
#if defined(__AVX512F__) && defined(__AVX512VL__)
    if constexpr (std::same_as<T, float> && Bytes == 64)
      return Vector(_mm512_mask_mov_ps(__m512(other), mask16(), __m512(v)));
    if constexpr (std::same_as<T, float> && Bytes == 32)
      return Vector(_mm256_mask_mov_ps(__m256(other), mask8(), __m256(v)));
    if constexpr (std::same_as<T, double> && Bytes == 64)
      return Vector(_mm512_mask_mov_pd(__m512d(other), mask8(), __m512d(v)));
    if constexpr (std::same_as<T, double> && Bytes == 32)
      return Vector(_mm256_mask_mov_pd(__m256d(other), mask8(), __m256d(v)));
#endif
  }

 private:
  static constexpr bool kMasked = kMaskedLanes && (Bytes == 64 || Bytes == 32);

  static int within(std::int64_t bound) { return static_cast<int>(std::clamp<std::int64_t>(bound, 0, kLanes)); }
  unsigned mask() const { return ~(~0U << end_) & (~0U << begin_); }
  auto mask16() const { return static_cast<std::uint16_t>(mask()); }
  auto mask8() const { return static_cast<std::uint8_t>(mask()); }

  int begin_, end_;
};

}  // namespace tapehead
