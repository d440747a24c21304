#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "autograd/tape.hpp"
#include "layers/models/decoding_state.hpp"
#include "layers/models/model.hpp"

namespace tapehead {

/// The likeliest of the tokens that can be written, the first among equals: never kPadding or kStart, which are no part
/// of any text. kPadding if no logit is a number. logits (V).
template <RealScalar T>
std::int32_t likeliest_token(const T* logits, std::int64_t vocabulary);

/// Greedy search: in each column the likeliest token, again and again, until the end token or `max_length` tokens or
/// the column's room are reached. One output a column, without start and end. It ends in kPadding, which is never
/// written otherwise, where the logits are not numbers. When *stop becomes true, the outputs are what was written so
/// far.
template <RealScalar T>
std::vector<std::vector<std::int32_t>> write_greedily(DecodingState<T>& state, std::int64_t max_length,
                                                      const std::atomic<bool>* stop = nullptr);

/// Answers sources by greedy search, all of them together on `tape`, which is left as it was: one output a source,
/// whatever the other sources are.
template <RealScalar T>
std::vector<std::vector<std::int32_t>> decode_greedily(const Model& model, Tape<T>& tape, const Sources& sources,
                                                       std::int64_t max_length,
                                                       const std::atomic<bool>* stop = nullptr);

/// The same for any number of sources, a few at a time, so that memory stays bounded: see cut_batches().
template <RealScalar T>
std::vector<std::vector<std::int32_t>> decode_in_batches(const Model& model, Tape<T>& tape, const Sources& sources,
                                                         std::int64_t max_length);

}  // namespace tapehead
