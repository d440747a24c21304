#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "datasets/digest.hpp"
#include "datasets/readers/pair_ids.hpp"

namespace tapehead {

/// What of a pair is compared.
enum class Compared { pair, source };

/// The pairs of a file, to be found by their content: sixteen bytes each. They must outlive it.
class KnownPairs {
 public:
  KnownPairs(const PairIds& pairs, Compared compared) : pairs_(pairs), compared_(compared) {
    order_.reserve(pairs.size());
    for (std::size_t i = 0; i < pairs.size(); ++i) order_.push_back({hash(pairs, i), i});
    std::ranges::sort(order_);
  }

  /// Whether a pair equal to the i-th of `others` is among them.
  bool contain(const PairIds& others, std::size_t i) const { return first_like(others, i) < pairs_.size(); }

  /// How many of them are equal to one before.
  std::int64_t repeated() const {
    std::int64_t count = 0;
    for (std::size_t i = 0; i < pairs_.size(); ++i) count += first_like(pairs_, i) < i ? 1 : 0;
    return count;
  }

 private:
  struct Entry {
    std::uint64_t hash;
    std::size_t pair;
    auto operator<=>(const Entry&) const = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 sees a null in it
  };

  std::uint64_t hash(const PairIds& pairs, std::size_t i) const {
    const std::uint64_t source = digest_ids(pairs.source(i));
    return compared_ == Compared::source ? source : digest_ids(pairs.target(i), source);
  }

  // The number of the first pair that is equal, or how many there are.
  std::size_t first_like(const PairIds& others, std::size_t i) const {
    const std::uint64_t wanted = hash(others, i);
    for (auto at = std::ranges::lower_bound(order_, wanted, {}, &Entry::hash); at != order_.end() && at->hash == wanted;
         ++at) {
      if (std::ranges::equal(pairs_.source(at->pair), others.source(i)) &&
          (compared_ == Compared::source || std::ranges::equal(pairs_.target(at->pair), others.target(i)))) {
        return at->pair;
      }
    }
    return pairs_.size();
  }

  const PairIds& pairs_;
  Compared compared_;
  std::vector<Entry> order_;
};

}  // namespace tapehead
