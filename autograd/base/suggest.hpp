#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tapehead {

/// How many characters must be added, dropped, changed or swapped with their neighbour to turn `a` into `b`
/// (the optimal string alignment distance).
int edit_distance(std::string_view a, std::string_view b);

/// The name that was probably meant: the first one that `wrong` begins, or else the nearest by edit distance, or else
/// one that it is a part of. Empty when nothing is near.
std::string nearest_name(std::string_view wrong, std::span<const std::string_view> names);

/// "; did you mean X?", or nothing. `prefix` stands before the name.
std::string did_you_mean(std::string_view wrong, std::span<const std::string_view> names, std::string_view prefix = {});

}  // namespace tapehead
