#include <cmath>

#include "trainers/decoding/decoding.hpp"
#include "trainers/decoding/token_by_token.hpp"

namespace tapehead {

template <RealScalar T>
std::int32_t likeliest_token(const T* logits, std::int64_t vocabulary) {
  std::int32_t best = kPadding;
  for (std::int32_t token = kEnd; token < vocabulary; ++token) {
    if (best == kPadding ? !std::isnan(logits[token]) : logits[token] > logits[best]) best = token;
  }
  return best;
}

SearchSpec search_greedy() {
  return {.name = "greedy",
          .description = "the likeliest token, again and again",
          .write = [](auto& state, const SearchRequest& request) {
            return write_token_by_token(state, request, [&](const auto* logits, auto...) {
              return likeliest_token(logits, state.vocabulary());
            });
          }};
}

template std::int32_t likeliest_token(const float*, std::int64_t);
template std::int32_t likeliest_token(const double*, std::int64_t);

}  // namespace tapehead
