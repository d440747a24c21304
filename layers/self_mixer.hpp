#pragma once

#include <variant>

#include "layers/attention/multi_head_attention.hpp"
#include "layers/mixers/sequence_mixer.hpp"

namespace tapehead {

/// How the positions of one sequence hear of each other in a layer: by attention, or by what stands in its place.
/// x (C, T, B) → (C, T, B).
class SelfMixer {
 public:
  SelfMixer(MultiHeadAttention attention) : mixer_(std::move(attention)) {}  // NOLINT(google-explicit-constructor)
  SelfMixer(SequenceMixer mixer) : mixer_(std::move(mixer)) {}               // NOLINT(google-explicit-constructor)

  template <Scalar T>
  Var<T> operator()(Var<T> x, const Mask& mask, const Pass& pass) const {
    return std::visit([&](const auto& mixer) { return mixer(x, mask, pass); }, mixer_);
  }

  /// nullptr if it is none.
  MultiHeadAttention* attention() { return std::get_if<MultiHeadAttention>(&mixer_); }

 private:
  std::variant<MultiHeadAttention, SequenceMixer> mixer_;
};

}  // namespace tapehead
