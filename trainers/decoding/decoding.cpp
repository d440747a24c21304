#include "trainers/decoding/decoding.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "datasets/batch.hpp"
#include "trainers/batching.hpp"

namespace tapehead {

template <RealScalar T>
std::int32_t likeliest_token(const T* logits, std::int64_t vocabulary) {
  std::int32_t best = kPadding;
  for (std::int32_t token = kEnd; token < vocabulary; ++token) {
    if (best == kPadding ? !std::isnan(logits[token]) : logits[token] > logits[best]) best = token;
  }
  return best;
}

template <RealScalar T>
std::vector<std::vector<std::int32_t>> write_greedily(DecodingState<T>& state, std::int64_t max_length,
                                                      const std::atomic<bool>* stop) {
  std::vector<std::vector<std::int32_t>> outputs(static_cast<std::size_t>(state.columns()));
  std::vector<std::int64_t> room;
  for (std::int64_t b = 0; b < state.columns(); ++b) room.push_back(std::min(state.room(b), max_length));
  std::vector<std::int32_t> output_of(outputs.size());  // each column's
  std::iota(output_of.begin(), output_of.end(), 0);
  std::vector<std::int32_t> tokens;
  std::vector<std::int32_t> going_on;  // columns
  for (;;) {
    tokens.assign(output_of.size(), kPadding);
    going_on.clear();
    for (std::size_t b = 0; b < output_of.size(); ++b) {
      const auto i = static_cast<std::size_t>(output_of[b]);
      if (std::ssize(outputs[i]) >= room[i]) continue;
      const T* logits = state.logits() + state.vocabulary() * static_cast<std::int64_t>(b);
      const std::int32_t next = likeliest_token(logits, state.vocabulary());
      if (next != kEnd) outputs[i].push_back(next);
      if (next == kEnd || next == kPadding) room[i] = 0;
      if (std::ssize(outputs[i]) >= room[i]) continue;
      tokens[b] = next;
      going_on.push_back(static_cast<std::int32_t>(b));
    }
    if (going_on.empty() || (stop != nullptr && *stop)) return outputs;
    if (2 * going_on.size() <= output_of.size()) {  // columns that have ended are given up when they are half of all
      state.reorder(going_on);
      for (std::size_t b = 0; b < going_on.size(); ++b) {
        output_of[b] = output_of[static_cast<std::size_t>(going_on[b])];
        tokens[b] = tokens[static_cast<std::size_t>(going_on[b])];
      }
      output_of.resize(going_on.size());
      tokens.resize(going_on.size());
    }
    state.step(tokens);
  }
}

template <RealScalar T>
std::vector<std::vector<std::int32_t>> decode_greedily(const Model& model, Tape<T>& tape, const Sources& sources,
                                                       std::int64_t max_length, const std::atomic<bool>* stop) {
  if (sources.empty() || max_length <= 0) return std::vector<std::vector<std::int32_t>>(sources.size());
  return write_greedily(*model.begin(tape, sources), max_length, stop);
}

template <RealScalar T>
std::vector<std::vector<std::int32_t>> decode_in_batches(const Model& model, Tape<T>& tape, const Sources& sources,
                                                         std::int64_t max_length) {
  const BatchLayout layout = model.reads_source() ? BatchLayout::encoder_decoder : BatchLayout::decoder_only;
  const std::int64_t most = model.config().max_positions;
  std::vector<SequenceLengths> lengths;
  for (const auto& source : sources) {
    const SequenceLengths columns = column_lengths(layout, std::ssize(source), std::min(max_length, most));
    lengths.push_back({std::min(columns.source, most), std::min(columns.target, most)});
  }
  std::vector<std::vector<std::int32_t>> outputs;
  for (const auto& [first, last] : cut_batches(model, lengths, batch_budget(model))) {
    const auto some = sources.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first));
    std::ranges::move(decode_greedily(model, tape, some, max_length), std::back_inserter(outputs));
  }
  return outputs;
}

template std::int32_t likeliest_token(const float*, std::int64_t);
template std::vector<std::vector<std::int32_t>> write_greedily(DecodingState<float>&, std::int64_t,
                                                               const std::atomic<bool>*);
template std::vector<std::vector<std::int32_t>> decode_greedily(const Model&, Tape<float>&, const Sources&,
                                                                std::int64_t, const std::atomic<bool>*);
template std::vector<std::vector<std::int32_t>> decode_in_batches(const Model&, Tape<float>&, const Sources&,
                                                                  std::int64_t);
template std::int32_t likeliest_token(const double*, std::int64_t);
template std::vector<std::vector<std::int32_t>> write_greedily(DecodingState<double>&, std::int64_t,
                                                               const std::atomic<bool>*);
template std::vector<std::vector<std::int32_t>> decode_greedily(const Model&, Tape<double>&, const Sources&,
                                                                std::int64_t, const std::atomic<bool>*);
template std::vector<std::vector<std::int32_t>> decode_in_batches(const Model&, Tape<double>&, const Sources&,
                                                                  std::int64_t);

}  // namespace tapehead
