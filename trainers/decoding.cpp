#include "trainers/decoding.hpp"

#include <algorithm>

#include "datasets/batch.hpp"

namespace tapehead {
namespace {

// The likeliest token after the last input position of each example.
template <RealScalar T>
std::int32_t likeliest_next(const Var<T>& logits, const TokenView& input, std::int64_t example) {
  const std::int64_t vocabulary = logits.shape().rows;
  const T* column = logits.data() + vocabulary * (input.lengths[example] - 1 + logits.shape().columns * example);
  return static_cast<std::int32_t>(std::max_element(column, column + vocabulary) - column);
}

}  // namespace

template <RealScalar T>
std::vector<std::vector<std::int32_t>> decode_greedily(const Model& model, Tape<T>& tape,
                                                       std::span<const std::vector<std::int32_t>> sources,
                                                       std::int64_t max_length) {
  const NoGrad<T> no_grad(tape);
  const auto examples = std::ssize(sources);
  std::int64_t max_source = 0;
  for (const auto& source : sources) max_source = std::max<std::int64_t>(max_source, std::ssize(source));
  // The input of the last step holds all tokens but the last, and what stands before them.
  const std::int64_t before = model.has_encoder() ? 1 : max_source + 2;
  max_length = std::min(max_length, model.config().max_positions - before + 1);

  Batch batch(model.has_encoder() ? BatchLayout::encoder_decoder : BatchLayout::decoder_only);
  batch.reserve(examples, max_source, std::max<std::int64_t>(max_length, 0));
  std::vector<std::vector<std::int32_t>> outputs(sources.size());
  std::vector<char> ended(sources.size(), 0);
  Var<T> memory;
  for (std::int64_t length = 0; length < max_length; ++length) {
    batch.clear();
    for (std::size_t i = 0; i < sources.size(); ++i) batch.append(sources[i], outputs[i]);
    if (length == 0) memory = model.encode(tape, batch.source(), Pass{});
    const NoGrad<T> this_token(tape);
    const Var<T> logits = model.decode(tape, memory, batch.source(), batch.input(), Pass{});
    bool all_ended = true;
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (ended[i] != 0) continue;
      const std::int32_t next = likeliest_next(logits, batch.input(), static_cast<std::int64_t>(i));
      ended[i] = next == kEnd;
      if (next != kEnd) outputs[i].push_back(next);
      all_ended &= ended[i] != 0;
    }
    if (all_ended) break;
  }
  return outputs;
}

template std::vector<std::vector<std::int32_t>> decode_greedily(const Model&, Tape<float>&,
                                                                std::span<const std::vector<std::int32_t>>,
                                                                std::int64_t);
template std::vector<std::vector<std::int32_t>> decode_greedily(const Model&, Tape<double>&,
                                                                std::span<const std::vector<std::int32_t>>,
                                                                std::int64_t);

}  // namespace tapehead
