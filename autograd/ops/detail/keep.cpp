#include "autograd/ops/detail/keep.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"

namespace tapehead {

KeepRule::KeepRule(const char* op, double rate, const RandomStream& random)
    : rate_(rate), threshold_(0), random_(random) {
  if (!(rate >= 0 && rate < 1)) throw ConfigError(fmt::format("{}: the rate must be in [0, 1), not {}", op, rate));
  threshold_ = static_cast<std::uint32_t>(rate * 0x1p32);
}

}  // namespace tapehead
