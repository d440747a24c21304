#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "autograd/parameters.hpp"

namespace tapehead::testing_support {

/// Values for a store of `layout`, every one of them away from its starting value, so that biases and gains matter too.
std::vector<double> drawn_parameters(const ParameterLayout& layout, std::uint64_t seed);

/// `values`, laid out as drawn_parameters() gives them, in a store.
template <Scalar T>
void fill(ParameterStore<T>& store, const std::vector<double>& values) {
  std::copy(values.begin(), values.end(), store.values().data());
}

/// `count` numbers, uniform in ±1.
std::vector<double> drawn_numbers(std::int64_t count, std::uint64_t seed);

}  // namespace tapehead::testing_support
