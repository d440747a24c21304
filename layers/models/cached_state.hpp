#pragma once

#include <functional>

#include "layers/attention/key_value_cache.hpp"
#include "layers/linear.hpp"
#include "layers/models/decoding_state.hpp"

namespace tapehead {

/// `<s> x </s>` of each source, for a model that reads source and target as one sequence: the prompts of a CachedState.
/// A source that takes all positions is not read, and its column is closed: nothing can follow it.
struct JoinedPrompts {
  JoinedPrompts(const Sources& sources, std::int64_t positions);

  TokenColumns columns;
  std::vector<char> closed;
};

/// What a model of attention layers writes from: each token's keys and values are made once.
template <RealScalar T>
class CachedState final : public DecodingState<T> {
 public:
  struct Options {
    /// Reads `input` behind what pass.cache has read: features (C, T, B). `source` belongs to the state.
    std::function<Var<T>(Tape<T>& tape, const TokenView& source, const TokenView& input, const Pass& pass)> read;
    const Linear& output;        ///< outlives the state, as the tape does
    TokenColumns source = {};    ///< what `read` is given
    TokenColumns prompt;         ///< what stands before the first token that is written; of one token at least
    std::int64_t positions = 0;  ///< of the model; a prompt may have no more
    std::vector<char> closed;    ///< one a column: nothing may be written in it
  };
  CachedState(Tape<T>& tape, Options options);

  std::int64_t columns() const override { return cache_.columns(); }
  std::int64_t vocabulary() const override { return vocabulary_; }
  const T* logits() const override { return logits_.data(); }
  std::int64_t room(std::int64_t column) const override;
  void step(std::span<const std::int32_t> tokens) override;
  void reorder(std::span<const std::int32_t> from) override;

 private:
  void read(const TokenView& input);

  Tape<T>& tape_;
  Options options_;
  KeyValueCache<T> cache_;
  std::vector<T> logits_;
  std::int64_t vocabulary_ = 0;
};

}  // namespace tapehead
