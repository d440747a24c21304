#pragma once

#include <string>
#include <vector>

#include "autograd/check/taylor.hpp"

namespace tapehead {

/// A row for each op, layer and model with its smallest slopes, or for each case of one alone; then what falls short.
/// Of a single case every remainder, and their lines over log h.
std::string taylor_text(const std::vector<TaylorTest>& tests, std::size_t width);
/// A picture of each.
std::string taylor_svg(const std::vector<TaylorTest>& tests);
std::string taylor_json(const std::vector<TaylorTest>& tests);

}  // namespace tapehead
