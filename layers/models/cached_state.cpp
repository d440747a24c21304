#include "layers/models/cached_state.hpp"

#include <algorithm>

namespace tapehead {

JoinedPrompts::JoinedPrompts(const Sources& sources, std::int64_t positions) {
  std::vector<std::vector<std::int32_t>> prompts;
  for (const auto& source : sources) {
    std::vector<std::int32_t>& prompt = prompts.emplace_back(1, kStart);
    closed.push_back(std::ssize(source) + (sources.go_on() ? 0 : 2) > positions);
    if (closed.back() != 0) continue;
    if (sources.go_on()) prompt.clear();
    prompt.insert(prompt.end(), source.begin(), source.end());
    if (!sources.go_on()) prompt.push_back(kEnd);
  }
  columns = TokenColumns(prompts);
}

template <RealScalar T>
CachedState<T>::CachedState(Tape<T>& tape, Options options)
    : tape_(tape), options_(std::move(options)), cache_(options_.prompt.view().examples) {
  read(options_.prompt.view());
}

template <RealScalar T>
void CachedState<T>::read(const TokenView& input) {
  const NoGrad<T> no_grad(tape_);
  cache_.begin_pass(input.lengths);
  const Var<T> features = options_.read(tape_, options_.source.view(), input, Pass{.cache = &cache_});
  cache_.end_pass();
  // Of each column the last position alone is projected.
  const auto [channels, positions, count] = features.shape();
  T* last = tape_.allocate(channels * count);
  for (std::int64_t b = 0; b < count; ++b) {
    const std::int64_t t = std::max(input.lengths[b] - 1, 0);
    std::copy_n(features.data() + channels * (t + positions * b), channels, last + channels * b);
  }
  const Var<T> logits =
      options_.output(tape_.record("last_positions", {channels, 1, count}, last, {}, [](Pull<T>&) {}));
  vocabulary_ = logits.shape().rows;
  logits_.resize(static_cast<std::size_t>(logits.shape().size()));
  for (std::int64_t b = 0; b < count; ++b) {
    if (input.lengths[b] == 0) continue;  // it rests
    std::copy_n(logits.data() + vocabulary_ * b, vocabulary_, logits_.data() + vocabulary_ * b);
  }
}

template <RealScalar T>
std::int64_t CachedState<T>::room(std::int64_t column) const {
  // The input of the last token holds all that are written but the last.
  if (options_.closed[static_cast<std::size_t>(column)] != 0) return 0;
  return std::max<std::int64_t>(options_.positions - cache_.before()[column] + 1, 0);
}

template <RealScalar T>
void CachedState<T>::step(std::span<const std::int32_t> tokens) {
  std::vector<std::int32_t> lengths;
  for (const std::int32_t token : tokens) lengths.push_back(token == kPadding ? 0 : 1);
  read({tokens.data(), lengths.data(), 1, 1, std::ssize(tokens)});
}

template <RealScalar T>
void CachedState<T>::reorder(std::span<const std::int32_t> from) {
  cache_.reorder(from);
  if (options_.source.view().examples > 0) options_.source.reorder(from);
  std::vector<T> logits;
  std::vector<char> closed;
  for (const std::int32_t column : from) {
    logits.insert(logits.end(), logits_.data() + vocabulary_ * column, logits_.data() + vocabulary_ * (column + 1));
    closed.push_back(options_.closed.at(static_cast<std::size_t>(column)));
  }
  logits_ = std::move(logits);
  options_.closed = std::move(closed);
}

template class CachedState<float>;
template class CachedState<double>;

}  // namespace tapehead
