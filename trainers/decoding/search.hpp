#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "autograd/base/options.hpp"
#include "layers/models/decoding_state.hpp"

namespace tapehead {

/// What was written: ids without start and end, a text a column.
using Texts = std::vector<std::vector<std::int32_t>>;

/// What a search is asked for.
struct SearchRequest {
  std::int64_t max_length = 0;  ///< tokens of a text at most
  NamedValues options = {};     ///< of the search; those that are missing have their defaults
  std::uint64_t seed = 1;       ///< what its random numbers follow from, if it draws any
  std::int64_t drawn = 0;       ///< numbers that were drawn for each text before
  std::span<const std::int64_t> numbers =
      {};                                   ///< of the texts, which tell their random numbers apart; empty: 0, 1, 2 …
  const std::atomic<bool>* stop = nullptr;  ///< when it becomes true, texts are what was written so far

  std::int64_t number(std::size_t text) const {
    return numbers.empty() ? static_cast<std::int64_t>(text) : numbers[text];
  }
};

/// How a search writes a text into each column of a state, of either scalar: from a lambda without captures, of
/// (auto& state, const SearchRequest& request).
class SearchFunction {
 public:
  SearchFunction() = default;
  template <class F>
  requires std::is_empty_v<F> SearchFunction(F /*f*/)  // NOLINT(google-explicit-constructor)
      : float_([](DecodingState<float>& state, const SearchRequest& request) { return F{}(state, request); }),
        double_([](DecodingState<double>& state, const SearchRequest& request) { return F{}(state, request); }) {}

  template <RealScalar T>
  Texts operator()(DecodingState<T>& state, const SearchRequest& request) const {
    if constexpr (std::same_as<T, float>) return float_(state, request);
    if constexpr (std::same_as<T, double>) return double_(state, request);
  }

 private:
  template <RealScalar T>
  using Call = Texts (*)(DecodingState<T>&, const SearchRequest&);
  Call<float> float_ = nullptr;
  Call<double> double_ = nullptr;
};

/// A way to find a text, as data: `SearchSpec search_NAME()` in trainers/decoding/NAME.cpp. It knows a DecodingState,
/// and no family of models. The choices of `predict --search`, its options and their refusals follow from it.
///
/// A text holds neither kPadding nor kStart, and ends in one kPadding where the logits were not numbers. It depends on
/// its own column alone: on no other, nor on how many there are (up to rounding, where tokens are as likely as each
/// other).
struct SearchSpec {
  std::string name = {};
  std::string description = {};          ///< what it writes, for people
  std::vector<OptionSpec> options = {};  ///< of its own; see NamedValues
  bool draws = false;                    ///< random numbers, which follow from the seed
  SearchFunction write;
};

/// Every search. Generated from the list of searches: one without a spec does not link.
const std::vector<SearchSpec>& search_specs();

/// Throws ConfigError, with the names that there are, for another name.
const SearchSpec& find_search(const std::string& name);

}  // namespace tapehead
