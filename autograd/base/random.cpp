#include "autograd/base/random.hpp"

#include <Random123/philox.h>

#include <cmath>
#include <numbers>

namespace tapehead {
namespace {

// 2^-53: the spacing of doubles just below one.
constexpr double kUlp = 0x1p-53;

double unit_interval(std::uint64_t word) { return static_cast<double>(word >> 11) * kUlp; }

std::uint64_t join(std::uint32_t high, std::uint32_t low) { return std::uint64_t{high} << 32 | low; }

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, Purpose purpose, std::uint64_t step, std::uint32_t site) {
  const r123::Philox4x64 generator;
  const auto out = generator({{step, site, 0, 0}}, {{seed, static_cast<std::uint64_t>(purpose)}});
  key_ = {static_cast<std::uint32_t>(out[0]), static_cast<std::uint32_t>(out[0] >> 32)};
}

std::array<std::uint32_t, 4> RandomStream::bits(std::uint32_t example, std::uint32_t a, std::uint32_t b,
                                                std::uint32_t block) const {
  const r123::Philox4x32 generator;
  const auto out = generator({{example, a, b, block}}, {{key_[0], key_[1]}});
  return {out[0], out[1], out[2], out[3]};
}

std::uint64_t RandomStream::word(std::uint32_t example, std::uint32_t a, std::uint32_t b) const {
  const auto w = bits(example, a, b, 0);
  return join(w[0], w[1]);
}

double RandomStream::uniform(std::uint32_t example, std::uint32_t a, std::uint32_t b) const {
  return unit_interval(word(example, a, b));
}

double RandomStream::normal(std::uint32_t example, std::uint32_t a, std::uint32_t b) const {
  const auto w = bits(example, a, b, 0);
  const double u = unit_interval(join(w[0], w[1])) + kUlp;  // in (0, 1]: its logarithm is finite
  const double v = unit_interval(join(w[2], w[3]));
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
}

std::uint64_t RandomStream::below(std::uint64_t bound, std::uint32_t example, std::uint32_t a, std::uint32_t b) const {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>(Wide{word(example, a, b)} * bound >> 64);  // Lemire 2019, without the rejection
}

}  // namespace tapehead
