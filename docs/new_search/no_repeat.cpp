#include <vector>

#include "trainers/decoding/decoding.hpp"
#include "trainers/decoding/token_by_token.hpp"

namespace tapehead {

SearchSpec search_no_repeat() {
  return {.name = "no_repeat",
          .description = "the likeliest token other than the one before it",
          .write = [](auto& state, const SearchRequest& request) {
            return write_token_by_token(state, request, [&](const auto* logits, std::int64_t /*number*/, auto text) {
              std::vector others(logits, logits + state.vocabulary());
              if (!text.empty()) others[static_cast<std::size_t>(text.back())] = -1e30F;
              return likeliest_token(others.data(), state.vocabulary());
            });
          }};
}

}  // namespace tapehead
