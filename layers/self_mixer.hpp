#pragma once

#include <utility>
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

  /// `first_values`: see MultiHeadAttention; what stands in its place knows of none.
  template <Scalar T>
  Var<T> operator()(Var<T> x, const Mask& mask, const Pass& pass, Var<T>* first_values = nullptr) const {
    if (const auto* attention = std::get_if<MultiHeadAttention>(&mixer_)) {
      return (*attention)(x, mask, pass, first_values);
    }
    return std::get<SequenceMixer>(mixer_)(x, mask, pass);
  }

  /// nullptr if it is none.
  MultiHeadAttention* attention() { return std::get_if<MultiHeadAttention>(&mixer_); }

 private:
  std::variant<MultiHeadAttention, SequenceMixer> mixer_;
};

}  // namespace tapehead
