#pragma once

#include <array>
#include <cstdint>

namespace tapehead {

/// What a random number is used for. Numbers of different purposes never meet, even under one seed.
enum class Purpose : std::uint32_t {
  initialisation = 1,
  training_data = 2,
  held_out_data = 3,
  shuffle = 4,
  dropout = 5,
  gradient_check = 6,
  test = 7,
  sampling = 8,
  positions = 9,
};

/// A table of random numbers that is never stored: entry (example, a, b) is a pure function of
/// (seed, purpose, step, site) and of its coordinates. There is no state to save, to advance or to share, so
/// threads, shards, padding and interruptions cannot change a number.
///
/// Built on Philox (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): Philox-4x64 turns
/// (seed, purpose, step, site) into the key under which Philox-4x32 turns coordinates into bits.
class RandomStream {
 public:
  /// `site` tells apart users of one purpose, such as the dropout layers of a model.
  RandomStream(std::uint64_t seed, Purpose purpose, std::uint64_t step = 0, std::uint32_t site = 0);

  /// Four independent 32-bit words for block `block` of coordinate (example, a, b).
  std::array<std::uint32_t, 4> bits(std::uint32_t example, std::uint32_t a, std::uint32_t b, std::uint32_t block) const;

  /// Uniform in [0, 1), 53 bits.
  double uniform(std::uint32_t example, std::uint32_t a = 0, std::uint32_t b = 0) const;

  /// Standard normal (Box and Muller 1958).
  double normal(std::uint32_t example, std::uint32_t a = 0, std::uint32_t b = 0) const;

  /// Uniform integer in [0, bound); the bias is below bound / 2^64. REQUIRES: bound > 0.
  std::uint64_t below(std::uint64_t bound, std::uint32_t example, std::uint32_t a = 0, std::uint32_t b = 0) const;

 private:
  std::uint64_t word(std::uint32_t example, std::uint32_t a, std::uint32_t b) const;

  std::array<std::uint32_t, 2> key_;
};

}  // namespace tapehead
