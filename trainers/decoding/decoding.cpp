#include "trainers/decoding/decoding.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/errors.hpp"
#include "autograd/tape.hpp"
#include "datasets/batch.hpp"
#include "trainers/batching.hpp"

namespace tapehead {

const SearchSpec& find_search(const std::string& name) {
  std::string known;
  for (const SearchSpec& search : search_specs()) {
    if (search.name == name) return search;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", search.name);
  }
  throw ConfigError(fmt::format("search: \"{}\" is none of {}", name, known));
}

template <RealScalar T>
Texts decode(const Model& model, Tape<T>& tape, const Sources& sources, const SearchRequest& request,
             const SearchSpec& search) {
  if (sources.empty() || request.max_length <= 0) return Texts(sources.size());
  return search.write(*model.begin(tape, sources), request);
}

template <RealScalar T>
Texts decode_in_batches(const Model& model, ParameterStore<T>& parameters, const Sources& sources,
                        const SearchRequest& request, const SearchSpec& search) {
  const BatchLayout layout = model.reads_source() ? BatchLayout::encoder_decoder
                             : sources.go_on()    ? BatchLayout::language
                                                  : BatchLayout::decoder_only;
  const std::int64_t most = model.config().max_positions;
  std::vector<SequenceLengths> lengths;
  std::vector<std::int64_t> numbers;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    ExampleShape text{.source = std::ssize(sources[i]), .target = std::min(request.max_length, most)};
    if (sources.go_on()) text = {.has_source = false, .target = text.source + text.target};
    const SequenceLengths columns = column_lengths(layout, text);
    lengths.push_back({std::min(columns.source, most), std::min(columns.target, most)});
    numbers.push_back(request.number(i));
  }
  Tape<T> tape(parameters);
  Texts texts;
  for (const auto& [first, last] : cut_batches(model, lengths, batch_budget(model))) {
    const auto from = static_cast<std::size_t>(first);
    const auto count = static_cast<std::size_t>(last - first);
    SearchRequest some = request;
    some.numbers = std::span(numbers).subspan(from, count);
    std::ranges::move(decode(model, tape, sources.part(from, count), some, search), std::back_inserter(texts));
  }
  return texts;
}

template Texts decode(const Model&, Tape<float>&, const Sources&, const SearchRequest&, const SearchSpec&);
template Texts decode(const Model&, Tape<double>&, const Sources&, const SearchRequest&, const SearchSpec&);
template Texts decode_in_batches(const Model&, ParameterStore<float>&, const Sources&, const SearchRequest&,
                                 const SearchSpec&);
template Texts decode_in_batches(const Model&, ParameterStore<double>&, const Sources&, const SearchRequest&,
                                 const SearchSpec&);

}  // namespace tapehead
