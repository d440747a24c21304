#pragma once

#include <cstdint>

#include "autograd/forward.hpp"
#include "layers/models/decoding_state.hpp"
#include "layers/models/model.hpp"
#include "trainers/decoding/search.hpp"

namespace tapehead {

/// The likeliest of the tokens that can be written, the first among equals: never kPadding or kStart, which are no part
/// of any text. kPadding if no logit is a number. logits (V).
template <RealScalar T>
std::int32_t likeliest_token(const T* logits, std::int64_t vocabulary);

/// Answers sources, all of them together on `tape`, which is left as it was: one text a source, whatever the other
/// sources are. `search` is the greedy one unless it is given.
template <RealScalar T>
Texts decode(const Model& model, Tape<T>& tape, const Sources& sources, const SearchRequest& request,
             const SearchSpec& search = find_search("greedy"));

/// The same for any number of sources, a few at a time on a tape of their own, so that memory stays bounded: see
/// cut_batches().
template <RealScalar T>
Texts decode_in_batches(const Model& model, ParameterStore<T>& parameters, const Sources& sources,
                        const SearchRequest& request, const SearchSpec& search = find_search("greedy"));

}  // namespace tapehead
