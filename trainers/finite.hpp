#pragma once

#include <string>

#include "autograd/parameters.hpp"

namespace tapehead {

/// "nan", "inf", "-inf" or the number: the sign of a NaN says nothing.
std::string number_text(double value);

/// The index of the first of some numbers that is NaN or infinite; `count` if none is.
template <RealScalar T>
std::int64_t first_nonfinite(const T* values, std::int64_t count);

/// The first parameter of which a flat vector (values, a moment) holds a NaN or an infinity; nullptr if there is none.
template <RealScalar T>
const ParameterRange* first_nonfinite_range(const ParameterLayout& layout, const FlatVector<T>& values);

/// The name of the first parameter that holds a NaN or an infinity; empty if none does.
template <RealScalar T>
std::string first_nonfinite_parameter(const ParameterStore<T>& parameters);

}  // namespace tapehead
