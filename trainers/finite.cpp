#include "trainers/finite.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tapehead {

std::string number_text(double value) { return std::isnan(value) ? "nan" : fmt::format("{}", value); }

template <RealScalar T>
std::int64_t first_nonfinite(const T* values, std::int64_t count) {
  return std::find_if(values, values + count, [](T value) { return !std::isfinite(value); }) - values;
}

template <RealScalar T>
const ParameterRange* first_nonfinite_range(const ParameterLayout& layout, const FlatVector<T>& values) {
  for (const ParameterRange& range : layout.ranges()) {
    const std::int64_t size = range.shape.size();
    if (first_nonfinite(values.data() + range.offset, size) != size) return &range;
  }
  return nullptr;
}

template <RealScalar T>
std::string first_nonfinite_parameter(const ParameterStore<T>& parameters) {
  const ParameterRange* range = first_nonfinite_range(parameters.layout(), parameters.values());
  return range == nullptr ? "" : range->name;
}

template std::int64_t first_nonfinite(const float*, std::int64_t);
template std::int64_t first_nonfinite(const double*, std::int64_t);
template const ParameterRange* first_nonfinite_range(const ParameterLayout&, const FlatVector<float>&);
template const ParameterRange* first_nonfinite_range(const ParameterLayout&, const FlatVector<double>&);
template std::string first_nonfinite_parameter(const ParameterStore<float>&);
template std::string first_nonfinite_parameter(const ParameterStore<double>&);

}  // namespace tapehead
