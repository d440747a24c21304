#pragma once

#include <vector>

#include "autograd/tape.hpp"
#include "layers/models/decoding_state.hpp"

namespace tapehead {

/// What a model writes from that says all its tokens at once: a step only goes on to the next place.
template <RealScalar T>
class PlacesState final : public DecodingState<T> {
 public:
  /// logits (V, S, B), of which the first lengths[b] places of column b count.
  PlacesState(Var<T> logits, std::vector<std::int32_t> lengths);

  std::int64_t columns() const override { return std::ssize(lengths_); }
  std::int64_t vocabulary() const override { return vocabulary_; }
  const T* logits() const override { return shown_.data(); }
  std::int64_t room(std::int64_t column) const override;
  void step(std::span<const std::int32_t> tokens) override;
  void reorder(std::span<const std::int32_t> from) override;

 private:
  void show();

  std::int64_t vocabulary_, places_;
  std::vector<T> all_, shown_;
  std::vector<std::int32_t> lengths_, written_;
};

}  // namespace tapehead
