#include "trainers/decoding/decoding.hpp"

#include <algorithm>
#include <cmath>

#include "datasets/batch.hpp"
#include "trainers/batching.hpp"

namespace tapehead {
namespace {

// Logits (V, 1, B) of the token after the last input position of each example; the others are not asked for.
template <RealScalar T>
Var<T> next_logits(const Model& model, const Var<T>& features, const TokenView& input) {
  const auto [channels, positions, examples] = features.shape();
  Tape<T>& tape = features.tape();
  T* last = tape.allocate(channels * examples);
  for (std::int64_t b = 0; b < examples; ++b) {
    std::copy_n(features.data() + channels * (input.lengths[b] - 1 + positions * b), channels, last + channels * b);
  }
  return model.project(tape.record("last_positions", {channels, 1, examples}, last, {}, [](Pull<T>&) {}));
}

}  // namespace

template <RealScalar T>
std::int32_t likeliest_token(const T* logits, std::int64_t vocabulary) {
  std::int32_t best = kPadding;
  for (std::int32_t token = kEnd; token < vocabulary; ++token) {
    if (best == kPadding ? !std::isnan(logits[token]) : logits[token] > logits[best]) best = token;
  }
  return best;
}

template <RealScalar T>
std::vector<std::vector<std::int32_t>> decode_greedily(const Model& model, Tape<T>& tape,
                                                       std::span<const std::vector<std::int32_t>> sources,
                                                       std::int64_t max_length, const std::atomic<bool>* stop) {
  const NoGrad<T> no_grad(tape);
  const auto examples = std::ssize(sources);
  std::int64_t max_source = 0;
  for (const auto& source : sources) max_source = std::max<std::int64_t>(max_source, std::ssize(source));
  // The input of an example's last step holds all its tokens but the last, and what stands before them.
  const auto room_of = [&](const std::vector<std::int32_t>& source) {
    const std::int64_t before = model.has_encoder() ? 1 : std::ssize(source) + 2;
    return std::clamp<std::int64_t>(model.config().max_positions - before + 1, 0,
                                    std::max<std::int64_t>(max_length, 0));
  };
  const std::vector<std::int32_t> nothing;
  std::vector<std::vector<std::int32_t>> outputs(sources.size());
  std::vector<std::int64_t> room;
  for (const auto& source : sources) room.push_back(room_of(source));
  const std::int64_t steps = room.empty() ? 0 : *std::max_element(room.begin(), room.end());
  std::vector<char> ended;
  for (const std::int64_t length : room) ended.push_back(length == 0);

  Batch batch(model.has_encoder() ? BatchLayout::encoder_decoder : BatchLayout::decoder_only);
  batch.reserve(examples, max_source, steps);
  Var<T> memory;
  for (std::int64_t length = 0; length < steps && !(stop != nullptr && *stop); ++length) {
    batch.clear();
    for (std::size_t i = 0; i < sources.size(); ++i) {  // what has ended keeps its column, and what was encoded
      const bool goes_on = ended[i] == 0;
      batch.append(goes_on || model.has_encoder() ? sources[i] : nothing, goes_on ? outputs[i] : nothing);
    }
    if (length == 0) memory = model.encode(tape, batch.source(), Pass{});
    const NoGrad<T> this_token(tape);
    const Var<T> features = model.decode(tape, memory, batch.source(), batch.input(), Pass{});
    const Var<T> logits = next_logits(model, features, batch.input());
    const std::int64_t vocabulary = logits.shape().rows;
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (ended[i] != 0) continue;
      const T* column = logits.data() + vocabulary * static_cast<std::int64_t>(i);
      const std::int32_t next = likeliest_token(column, vocabulary);
      if (next != kEnd) outputs[i].push_back(next);
      ended[i] = next == kEnd || next == kPadding || std::ssize(outputs[i]) == room[i];
    }
    if (std::find(ended.begin(), ended.end(), 0) == ended.end()) break;
  }
  return outputs;
}

template <RealScalar T>
std::vector<std::vector<std::int32_t>> decode_in_batches(const Model& model, Tape<T>& tape,
                                                         std::span<const std::vector<std::int32_t>> sources,
                                                         std::int64_t max_length) {
  const BatchLayout layout = model.has_encoder() ? BatchLayout::encoder_decoder : BatchLayout::decoder_only;
  const std::int64_t most = model.config().max_positions;
  std::vector<SequenceLengths> lengths;
  for (const auto& source : sources) {
    const SequenceLengths columns = column_lengths(layout, std::ssize(source), std::min(max_length, most));
    lengths.push_back({std::min(columns.source, most), std::min(columns.target, most)});
  }
  std::vector<std::vector<std::int32_t>> outputs;
  for (const auto& [first, last] : cut_batches(model.config(), lengths, batch_budget(model))) {
    const auto some = sources.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first));
    std::ranges::move(decode_greedily(model, tape, some, max_length), std::back_inserter(outputs));
  }
  return outputs;
}

template std::int32_t likeliest_token(const float*, std::int64_t);
template std::vector<std::vector<std::int32_t>> decode_greedily(const Model&, Tape<float>&,
                                                                std::span<const std::vector<std::int32_t>>,
                                                                std::int64_t, const std::atomic<bool>*);
template std::vector<std::vector<std::int32_t>> decode_in_batches(const Model&, Tape<float>&,
                                                                  std::span<const std::vector<std::int32_t>>,
                                                                  std::int64_t);
template std::int32_t likeliest_token(const double*, std::int64_t);
template std::vector<std::vector<std::int32_t>> decode_greedily(const Model&, Tape<double>&,
                                                                std::span<const std::vector<std::int32_t>>,
                                                                std::int64_t, const std::atomic<bool>*);
template std::vector<std::vector<std::int32_t>> decode_in_batches(const Model&, Tape<double>&,
                                                                  std::span<const std::vector<std::int32_t>>,
                                                                  std::int64_t);

}  // namespace tapehead
