#pragma once

#include <algorithm>
#include <numeric>

#include "autograd/base/tokens.hpp"
#include "trainers/decoding/search.hpp"

namespace tapehead {

/// Writes one token after another: choose(logits, number, text) gives the next token of a text from the logits (V) of
/// its column, its number and what is written of it, kPadding where there is none. A text ends with kEnd, which is no
/// part of it, with kPadding, or where max_length or the column's room is reached.
template <RealScalar T, class Choose>
Texts write_token_by_token(DecodingState<T>& state, const SearchRequest& request, Choose&& choose) {
  Texts texts(static_cast<std::size_t>(state.columns()));
  std::vector<std::int64_t> room;
  for (std::int64_t b = 0; b < state.columns(); ++b) room.push_back(std::min(state.room(b), request.max_length));
  std::vector<std::size_t> text_of(texts.size());  // each column's
  std::iota(text_of.begin(), text_of.end(), std::size_t{0});
  std::vector<std::int32_t> tokens;
  std::vector<std::int32_t> going_on;  // columns
  for (;;) {
    tokens.assign(text_of.size(), kPadding);
    going_on.clear();
    for (std::size_t b = 0; b < text_of.size(); ++b) {
      const std::size_t i = text_of[b];
      if (std::ssize(texts[i]) >= room[i]) continue;
      const T* logits = state.logits() + state.vocabulary() * static_cast<std::int64_t>(b);
      const std::int32_t next = choose(logits, request.number(i), std::span<const std::int32_t>(texts[i]));
      if (next != kEnd) texts[i].push_back(next);
      if (next == kEnd || next == kPadding) room[i] = 0;
      if (std::ssize(texts[i]) >= room[i]) continue;
      tokens[b] = next;
      going_on.push_back(static_cast<std::int32_t>(b));
    }
    if (going_on.empty() || (request.stop != nullptr && *request.stop)) return texts;
    if (2 * going_on.size() <= text_of.size()) {  // columns that have ended are given up when they are half of all
      state.reorder(going_on);
      for (std::size_t b = 0; b < going_on.size(); ++b) {
        text_of[b] = text_of[static_cast<std::size_t>(going_on[b])];
        tokens[b] = tokens[static_cast<std::size_t>(going_on[b])];
      }
      text_of.resize(going_on.size());
      tokens.resize(going_on.size());
    }
    state.step(tokens);
  }
}

}  // namespace tapehead
