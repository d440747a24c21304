#pragma once

#include <cstdint>

#include "autograd/tape.hpp"

namespace tapehead {

/// A digest of the sides that a function took where its derivative jumps: the sign under a ReLU, the place of a
/// maximum, the support of a sparse softmax. Two points of equal digests have no kink between them, so that differences
/// between them are differences of one smooth function.
class BranchDigest {
 public:
  void note(std::uint64_t side) { digest_ = (digest_ ^ side) * 0x100000001b3; }  // FNV-1a

  std::uint64_t value() const { return digest_; }
  void clear() { *this = {}; }

 private:
  std::uint64_t digest_ = 0xcbf29ce484222325;
};

/// To be called by an op whose derivative jumps: side(i) says which side element i is on. Costs nothing unless somebody
/// watches.
template <Scalar T, class F>
void note_branches(Tape<T>& tape, std::int64_t count, F side) {
  BranchDigest* digest = tape.branches();
  if (digest == nullptr) return;
  for (std::int64_t i = 0; i < count; ++i) digest->note(static_cast<std::uint64_t>(side(i)));
}

}  // namespace tapehead
