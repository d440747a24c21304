#include "datasets/digest.hpp"

#include <xxhash.h>

namespace tapehead {

std::uint64_t digest_bytes(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::uint64_t digest_ids(std::span<const std::int32_t> ids, std::uint64_t seed) {
  return XXH3_64bits_withSeed(ids.data(), ids.size_bytes(), seed);
}

}  // namespace tapehead
