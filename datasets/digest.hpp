#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tapehead {

/// XXH3 of some bytes, chained by `seed`.
std::uint64_t digest_bytes(std::string_view bytes, std::uint64_t seed = 0);
std::uint64_t digest_ids(std::span<const std::int32_t> ids, std::uint64_t seed = 0);

}  // namespace tapehead
