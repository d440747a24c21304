#pragma once

#include <cstdint>
#include <iosfwd>
#include <span>
#include <string>

#include "autograd/spec.hpp"

namespace tapehead {

/// Checks the cases and refusals of the specs whose "op/case" contains the pattern, or is matched by it if it has
/// wildcards; an empty pattern matches all. Prints a table, or one JSON object. Returns the exit status: 1 if a check
/// failed. Throws ConfigError when no derivative matches: a check of nothing must not look like one that passed.
int gradcheck(std::span<const OpSpec> specs, const std::string& pattern, std::uint64_t seed, bool json,
              std::ostream& out);

}  // namespace tapehead
