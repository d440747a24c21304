#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "layers/attention/key_value_cache.hpp"
#include "layers/linear.hpp"
#include "layers/models/decoding_state.hpp"

namespace tapehead {

/// `<s> x </s>` of each source, x of each that goes on, for a model that reads source and target as one sequence: the
/// prompts of a CachedState. A source that takes more than all positions is not read, and its column is closed: nothing
/// can follow it.
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

/// The state of a model that reads the source beside the target, which begins with `<s>`: `next(tape, source, input,
/// pass)` gives the features (C, T, B) of tokens (T, B) of the target, and `output`, which outlives the state, makes
/// logits of them.
template <RealScalar T, class Next>
std::unique_ptr<DecodingState<T>> begin_beside(Tape<T>& tape, const Sources& sources, std::int64_t positions,
                                               const Linear& output, Next next) {
  std::vector<std::vector<std::int32_t>> read(sources.begin(), sources.end());
  for (auto& source : read) source.push_back(kEnd);
  return std::make_unique<CachedState<T>>(
      tape, typename CachedState<T>::Options{
                .read = next,
                .output = output,
                .source = TokenColumns(read),
                .prompt = TokenColumns(std::vector<std::vector<std::int32_t>>(sources.size(), {kStart})),
                .positions = positions,
                .closed = std::vector<char>(sources.size())});
}

/// The state of a model that reads source and target as one sequence of at most `positions` tokens: `next(tape, input,
/// pass)` gives the features (C, T, B) of tokens (T, B), and `output`, which outlives the state, makes logits of them.
template <RealScalar T, class Next>
std::unique_ptr<DecodingState<T>> begin_joined(Tape<T>& tape, const Sources& sources, std::int64_t positions,
                                               const Linear& output, Next next) {
  JoinedPrompts prompts(sources, positions);
  const auto read = [next](Tape<T>& on, const TokenView& /*source*/, const TokenView& input, const Pass& pass) {
    return next(on, input, pass);
  };
  return std::make_unique<CachedState<T>>(tape, typename CachedState<T>::Options{.read = read,
                                                                                 .output = output,
                                                                                 .prompt = std::move(prompts.columns),
                                                                                 .positions = positions,
                                                                                 .closed = std::move(prompts.closed)});
}

}  // namespace tapehead
