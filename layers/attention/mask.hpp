#pragma once

#include "autograd/base/tokens.hpp"
#include "autograd/ops/attention.hpp"

namespace tapehead {

/// What *may* be attended; there is no other polarity. `Mask::causal() & Mask::padding(tokens)` allows what both allow.
/// A query that may attend nothing gets zeros.
class Mask {
 public:
  /// Everything.
  static Mask everything() { return {}; }
  /// Query q may attend keys 0 … q.
  static Mask causal();
  /// Keys within each example's length. The tokens must outlive the backward pass.
  static Mask padding(const TokenView& keys);

  /// What both allow. Throws ConfigError when each brings its own lengths.
  Mask operator&(const Mask& other) const;

  const AttentionMask& attention_mask() const { return mask_; }

 private:
  AttentionMask mask_;
};

}  // namespace tapehead
