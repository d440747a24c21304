#include "autograd/masks/mask.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/errors.hpp"
#include "autograd/masks/causal.hpp"
#include "autograd/masks/lengths.hpp"

namespace tapehead {
namespace {

// Queries whose rows are found at a time.
constexpr std::int64_t kChunk = 64;

KeyRange intersection(KeyRange a, KeyRange b) {
  const KeyRange both{std::max(a.begin, b.begin), std::min(a.end, b.end)};
  return both.empty() ? KeyRange{} : both;
}

KeyRange around(KeyRange a, KeyRange b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  return {std::min(a.begin, b.begin), std::max(a.end, b.end)};
}

// Parts of a tile that two masks cover: `some` of each says nothing of what they share.
Cover both(Cover a, Cover b) { return std::min(a, b); }
Cover either(Cover a, Cover b) { return std::max(a, b); }

}  // namespace

Mask Mask::causal() { return Causal{}; }
Mask Mask::padding(const TokenView& keys) { return Lengths{keys.lengths}; }

Mask Mask::joined(const Mask& other, Step how) const {
  if (is_everything() || other.is_everything()) {
    if (how == Step::either) return {};
    return is_everything() ? other : *this;
  }
  if (terms_ + other.terms_ > kMostTerms) {
    throw ConfigError(
        fmt::format("mask: {} terms are joined, and a mask holds {} at most; write one term that says the same",
                    terms_ + other.terms_, kMostTerms));
  }
  Mask mask = *this;
  std::copy_n(other.entries_.begin(), other.terms_, mask.entries_.begin() + mask.terms_);
  std::copy_n(other.program_.begin(), other.count_, mask.program_.begin() + mask.count_);
  mask.terms_ += other.terms_;
  mask.count_ += other.count_;
  mask.program_[static_cast<std::size_t>(mask.count_++)] = how;
  return mask;
}

template <class R, class Leaf, class Join>
R Mask::evaluate(Leaf leaf, Join join) const {
  std::array<R, kMostTerms> stack;
  std::size_t height = 0;
  std::size_t term = 0;
  for (std::int32_t i = 0; i < count_; ++i) {
    const Step step = program_[static_cast<std::size_t>(i)];
    if (step == Step::term) {
      stack[height++] = leaf(entries_[term++]);
    } else {
      --height;
      stack[height - 1] = join(stack[height - 1], stack[height], step);
    }
  }
  return stack[0];
}

bool Mask::by_head() const {
  return std::any_of(entries_.begin(), entries_.begin() + terms_, [](const Entry& e) { return e.answers->by_head; });
}

bool Mask::looks_back() const {
  if (is_everything()) return false;
  return evaluate<bool>([](const Entry& e) { return e.answers->looks_back; },
                        [](bool a, bool b, Step how) { return how == Step::both ? a || b : a && b; });
}

KeyRange Mask::hull(const MaskSite& at, std::int64_t query) const {
  if (is_everything()) return {0, at.keys};
  return evaluate<KeyRange>(
      [&](const Entry& e) { return within(e.answers->hull(e.value, at, query), at.keys); },
      [](KeyRange a, KeyRange b, Step how) { return how == Step::both ? intersection(a, b) : around(a, b); });
}

bool Mask::allows(const MaskSite& at, std::int64_t query, std::int64_t key) const {
  if (is_everything()) return true;
  return evaluate<bool>([&](const Entry& e) { return e.answers->allows(e.value, at, query, key); },
                        [](bool a, bool b, Step how) { return how == Step::both ? a && b : a || b; });
}

Cover Mask::cover(const MaskSite& at, const MaskTile& tile) const {
  if (is_everything()) return Cover::all;
  return evaluate<Cover>([&](const Entry& e) { return e.answers->cover(e.value, at, tile); },
                         [](Cover a, Cover b, Step how) { return how == Step::both ? both(a, b) : either(a, b); });
}

void Mask::rows(const MaskSite& at, std::int64_t first, std::int64_t count, Row* rows) const {
  const auto row = [](KeyRange keys, bool whole) {
    return Row{static_cast<std::int32_t>(keys.begin), static_cast<std::int32_t>(keys.end), whole};
  };
  if (is_everything()) return static_cast<void>(std::fill_n(rows, count, row({0, at.keys}, true)));
  // As evaluate() does it, with a chunk of queries in place of one result.
  KeyRange hulls[kMostTerms][kChunk];
  Cover covers[kMostTerms][kChunk];
  const auto walk = [this](auto leaf, auto join) {
    std::size_t height = 0;
    std::size_t term = 0;
    for (std::int32_t i = 0; i < count_; ++i) {
      const Step step = program_[static_cast<std::size_t>(i)];
      if (step == Step::term) {
        leaf(entries_[term++], height++);
      } else {
        --height;
        join(height - 1, height, step == Step::both);
      }
    }
  };
  for (std::int64_t begin = 0; begin < count; begin += kChunk) {
    const std::int64_t size = std::min(kChunk, count - begin);
    walk([&](const Entry& e, std::size_t to) { e.answers->hulls(e.value, at, first + begin, size, hulls[to]); },
         [&](std::size_t a, std::size_t b, bool all) {
           for (std::int64_t i = 0; i < size; ++i) {
             hulls[a][i] = all ? intersection(hulls[a][i], hulls[b][i]) : around(hulls[a][i], hulls[b][i]);
           }
         });
    walk([&](const Entry& e,
             std::size_t to) { e.answers->covers(e.value, at, first + begin, size, hulls[0], covers[to]); },
         [&](std::size_t a, std::size_t b, bool all) {
           for (std::int64_t i = 0; i < size; ++i) {
             covers[a][i] = all ? both(covers[a][i], covers[b][i]) : either(covers[a][i], covers[b][i]);
           }
         });
    for (std::int64_t i = 0; i < size; ++i) rows[begin + i] = row(hulls[0][i], covers[0][i] == Cover::all);
  }
}

}  // namespace tapehead
