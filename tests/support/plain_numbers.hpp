#pragma once

#include <cmath>

#include "autograd/base/random.hpp"
#include "tests/support/plain_model.hpp"

// What plain layers do with single numbers.

namespace tapehead::testing_support {

// a · b of dual numbers: without the product of imaginary parts, and without the care for infinities that std takes.
inline Dual times(const Dual& a, const Dual& b) {
  return {a.real() * b.real(), a.real() * b.imag() + a.imag() * b.real()};
}

// Whether the element at these coordinates is kept.
inline bool kept(const Pass& pass, double rate, std::uint32_t site, std::int64_t example, std::int64_t position,
                 std::int64_t element, std::int64_t block) {
  const RandomStream random(pass.seed, Purpose::dropout, pass.step, site);
  const auto words =
      random.bits(static_cast<std::uint32_t>(pass.first_example + example), static_cast<std::uint32_t>(position),
                  static_cast<std::uint32_t>(element / 4), static_cast<std::uint32_t>(block));
  return static_cast<double>(words.at(static_cast<std::size_t>(element % 4))) >= std::floor(rate * 4294967296.0);
}

}  // namespace tapehead::testing_support
