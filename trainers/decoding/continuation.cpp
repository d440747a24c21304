#include "trainers/decoding/continuation.hpp"

#include <algorithm>

#include "trainers/decoding/decoding.hpp"

namespace tapehead {
namespace {

// What of a text is read before it goes on.
std::vector<std::int32_t> read_of(const std::vector<std::int32_t>& beginning, const std::vector<std::int32_t>& written,
                                  std::int64_t positions) {
  std::vector<std::int32_t> text = beginning;
  text.insert(text.end(), written.begin(), written.end());
  const std::int64_t kept = std::max<std::int64_t>(positions / 2, 1);
  if (std::ssize(text) > positions) text.erase(text.begin(), text.end() - kept);
  return text;
}

}  // namespace

template <RealScalar T>
Texts continue_texts(const Model& model, ParameterStore<T>& parameters, const Texts& beginnings,
                     const SearchRequest& request, const SearchSpec& search) {
  const std::int64_t positions = model.config().max_positions;
  Texts written(beginnings.size());
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < beginnings.size() && request.max_length > 0; ++i) open.push_back(i);
  // What is drawn for a text follows from its place in it: each turn writes `positions` tokens at most.
  for (SearchRequest turn = request; !open.empty(); turn.drawn += positions) {
    Texts read;
    std::vector<std::int64_t> numbers;
    turn.max_length = 0;
    for (const std::size_t i : open) {
      read.push_back(read_of(beginnings[i], written[i], positions));
      numbers.push_back(request.number(i));
      turn.max_length = std::max(turn.max_length, request.max_length - std::ssize(written[i]));
    }
    turn.numbers = numbers;
    const Texts more = decode_in_batches(model, parameters, Sources::beginnings(read), turn, search);
    std::vector<std::size_t> still_open;
    for (std::size_t k = 0; k < open.size(); ++k) {
      std::vector<std::int32_t>& text = written[open[k]];
      const std::int64_t wanted = request.max_length - std::ssize(text);
      const std::int64_t room = std::min(positions - std::ssize(read[k]) + 1, turn.max_length);
      const bool ended = std::ssize(more[k]) < room || (!more[k].empty() && more[k].back() == kPadding);
      text.insert(text.end(), more[k].begin(), more[k].begin() + std::min(wanted, std::ssize(more[k])));
      if (!ended && wanted > std::ssize(more[k])) still_open.push_back(open[k]);
    }
    open = std::move(still_open);
  }
  return written;
}

template Texts continue_texts(const Model&, ParameterStore<float>&, const Texts&, const SearchRequest&,
                              const SearchSpec&);
template Texts continue_texts(const Model&, ParameterStore<double>&, const Texts&, const SearchRequest&,
                              const SearchSpec&);

}  // namespace tapehead
