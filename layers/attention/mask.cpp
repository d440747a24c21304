#include "layers/attention/mask.hpp"

#include "autograd/base/errors.hpp"

namespace tapehead {

Mask Mask::causal() {
  Mask mask;
  mask.mask_.causal = true;
  return mask;
}

Mask Mask::padding(const TokenView& keys) {
  Mask mask;
  mask.mask_.key_lengths = keys.lengths;
  return mask;
}

Mask Mask::operator&(const Mask& other) const {
  if (mask_.key_lengths != nullptr && other.mask_.key_lengths != nullptr &&
      mask_.key_lengths != other.mask_.key_lengths) {
    throw ConfigError("mask: two paddings with lengths of their own cannot be joined");
  }
  Mask both = *this;
  both.mask_.causal |= other.mask_.causal;
  if (both.mask_.key_lengths == nullptr) both.mask_.key_lengths = other.mask_.key_lengths;
  return both;
}

}  // namespace tapehead
