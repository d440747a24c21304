#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "datasets/example.hpp"

namespace tapehead {

/// Pairs of lists of ids, end to end: four bytes an id and sixteen a pair.
class PairIds {
 public:
  void add(std::span<const std::int32_t> source, std::span<const std::int32_t> target) {
    for (const auto side : {source, target}) {
      ids_.insert(ids_.end(), side.begin(), side.end());
      ends_.push_back(ids_.size());
    }
  }

  std::size_t size() const { return ends_.size() / 2; }
  std::span<const std::int32_t> source(std::size_t pair) const { return list(2 * pair); }
  std::span<const std::int32_t> target(std::size_t pair) const { return list(2 * pair + 1); }
  SequencePair pair(std::size_t i) const {
    return {{source(i).begin(), source(i).end()}, {target(i).begin(), target(i).end()}};
  }

  /// Puts another id in the place of each: new_source[id] or new_target[id].
  void replace(std::span<const std::int32_t> new_source, std::span<const std::int32_t> new_target) {
    std::size_t i = 0;
    for (std::size_t list = 0; list < ends_.size(); ++list) {
      const auto news = list % 2 == 0 ? new_source : new_target;
      for (; i < ends_[list]; ++i) ids_[i] = news[static_cast<std::size_t>(ids_[i])];
    }
  }

 private:
  std::span<const std::int32_t> list(std::size_t i) const {
    const std::uint64_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::span(ids_).subspan(begin, ends_[i] - begin);
  }

  std::vector<std::int32_t> ids_;
  std::vector<std::uint64_t> ends_;  // of source, target, source, …
};

}  // namespace tapehead
