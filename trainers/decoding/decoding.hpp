#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "autograd/tape.hpp"
#include "layers/models/model.hpp"

namespace tapehead {

/// The likeliest of the tokens that can be written, the first among equals: never kPadding or kStart, which are no part
/// of any text. kPadding if no logit is a number. logits (V).
template <RealScalar T>
std::int32_t likeliest_token(const T* logits, std::int64_t vocabulary);

/// Greedy decoding: the likeliest token, again and again, until the end token or `max_length` tokens (or the model's
/// positions) are reached. One output a source, without start and end, whatever the other sources are. Sources and
/// outputs are ids; the whole batch is decoded together on `tape`, which is left as it was. An output ends in kPadding,
/// which is never written otherwise, where the model's logits are not numbers. When *stop becomes true, the outputs are
/// what was written so far.
template <RealScalar T>
std::vector<std::vector<std::int32_t>> decode_greedily(const Model& model, Tape<T>& tape,
                                                       std::span<const std::vector<std::int32_t>> sources,
                                                       std::int64_t max_length,
                                                       const std::atomic<bool>* stop = nullptr);

/// The same for any number of sources, a few at a time, so that memory stays bounded: see cut_batches().
template <RealScalar T>
std::vector<std::vector<std::int32_t>> decode_in_batches(const Model& model, Tape<T>& tape,
                                                         std::span<const std::vector<std::int32_t>> sources,
                                                         std::int64_t max_length);

}  // namespace tapehead
