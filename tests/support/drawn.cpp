#include "tests/support/drawn.hpp"

#include "autograd/base/random.hpp"

namespace tapehead::testing_support {

std::vector<double> drawn_numbers(std::int64_t count, std::uint64_t seed) {
  const RandomStream random(seed, Purpose::test);
  std::vector<double> numbers(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = 2 * random.uniform(static_cast<std::uint32_t>(i)) - 1;
  return numbers;
}

std::vector<double> drawn_parameters(const ParameterLayout& layout, std::uint64_t seed) {
  std::vector<double> values(static_cast<std::size_t>(layout.flat_size()), 0.0);
  const std::vector<double> drawn = drawn_numbers(layout.flat_size(), seed);
  for (const ParameterRange& range : layout.ranges()) {
    for (std::int64_t i = range.offset; i < range.offset + range.shape.size(); ++i) {
      values[static_cast<std::size_t>(i)] = drawn[static_cast<std::size_t>(i)];
    }
  }
  return values;
}

}  // namespace tapehead::testing_support
