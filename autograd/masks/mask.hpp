#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include "autograd/base/tokens.hpp"

namespace tapehead {

/// Whose attention a mask is asked about. Keys are [0, keys).
struct MaskSite {
  std::int64_t example = 0;  ///< the slice of the call
  std::int64_t head = 0;
  std::int64_t keys = 0;
};

/// Keys [begin, end); empty if end ≤ begin.
struct KeyRange {
  std::int64_t begin, end;

  bool empty() const { return end <= begin; }
};

/// Queries [first_query, first_query + queries) beside keys [first_key, first_key + keys), at least one of each.
struct MaskTile {
  std::int64_t first_query, queries;
  std::int64_t first_key, keys;

  std::int64_t last_query() const { return first_query + queries - 1; }
  std::int64_t last_key() const { return first_key + keys - 1; }
};

/// How much of a tile may be attended.
enum class Cover { none, some, all };

/// A rule that says which key a query may attend, by answering three questions:
///
/// - `hull(at, query)`: a range that no key outside of may be attended by this query; it may reach past the keys that
///   there are;
/// - `allows(at, query, key)`: whether this key may be attended;
/// - `cover(at, tile)`: `none` or `all` only if that is so for every pair of the tile; `some` is always right, but
///   slower.
///
/// Plain values, for a mask lives in pullbacks: what a term points to must outlive the backward pass. A term that
/// answers differently for the heads of an example says so: `static constexpr bool kByHead = true`. One whose queries
/// attend no key past their own position says `static constexpr bool kLooksBack = true`.
template <class M>
concept MaskTerm = std::is_trivially_copyable_v<M> && sizeof(M) <= 32 && alignof(M) <= 8 &&
                   requires(const M& term, const MaskSite& at, std::int64_t i, const MaskTile& tile) {
  { term.hull(at, i) } -> std::same_as<KeyRange>;
  { term.allows(at, i, i) } -> std::same_as<bool>;
  { term.cover(at, tile) } -> std::same_as<Cover>;
};

/// What *may* be attended; there is no other polarity. Terms (causal.hpp, lengths.hpp, window.hpp, or one's own) are
/// joined by `&`, what both allow, and `|`, what either allows: `Causal{} & Lengths{lengths}`. A query that may attend
/// nothing gets zeros. Plain values: copied freely, no memory of its own.
class Mask {
 public:
  static constexpr std::int64_t kMostTerms = 8;

  /// Everything.
  Mask() = default;
  template <MaskTerm M>
  Mask(const M& term)
      : count_(1), terms_(1), program_{Step::term} {  // NOLINT(google-explicit-constructor): a term is a mask
    new (entries_[0].value) M(term);
    entries_[0].answers = &kAnswers<M>;
  }

  static Mask everything() { return {}; }
  /// Query q may attend keys 0 … q: Causal{}.
  static Mask causal();
  /// Keys within each example's length, as Lengths. The tokens must outlive the backward pass.
  static Mask padding(const TokenView& keys);

  /// Throws ConfigError past kMostTerms terms.
  Mask operator&(const Mask& other) const { return joined(other, Step::both); }
  Mask operator|(const Mask& other) const { return joined(other, Step::either); }

  bool is_everything() const { return count_ == 0; }
  bool by_head() const;
  bool looks_back() const;

  /// The three questions of the whole. The hull lies within the keys, {0, 0} if it is empty.
  KeyRange hull(const MaskSite& at, std::int64_t query) const;
  bool allows(const MaskSite& at, std::int64_t query, std::int64_t key) const;
  Cover cover(const MaskSite& at, const MaskTile& tile) const;

  /// What kernels keep of a query: its hull, and whether all of that may be attended.
  struct Row {
    std::int32_t begin, end;
    bool whole;
  };
  /// rows[i] = that of query first + i, for i in [0, count): cheaper than one by one.
  void rows(const MaskSite& at, std::int64_t first, std::int64_t count, Row* rows) const;

 private:
  // A term's answers, and for many queries at once: hulls, and what is covered of a range of keys of each query.
  struct Answers {
    KeyRange (*hull)(const std::byte*, const MaskSite&, std::int64_t);
    bool (*allows)(const std::byte*, const MaskSite&, std::int64_t, std::int64_t);
    Cover (*cover)(const std::byte*, const MaskSite&, const MaskTile&);
    void (*hulls)(const std::byte*, const MaskSite&, std::int64_t first, std::int64_t count, KeyRange*);
    void (*covers)(const std::byte*, const MaskSite&, std::int64_t first, std::int64_t count, const KeyRange*, Cover*);
    bool by_head, looks_back;
  };
  struct Entry {
    alignas(8) std::byte value[32]{};
    const Answers* answers = nullptr;
  };
  // In postfix order: a term, or the two results before it joined.
  enum class Step : std::uint8_t { term, both, either };

  template <class M>
  static const M& as(const std::byte* value) {
    return *std::launder(reinterpret_cast<const M*>(value));
  }
  template <class M>
  static constexpr bool by_head_of() {
    if constexpr (requires { M::kByHead; }) return M::kByHead;
    return false;
  }
  template <class M>
  static constexpr bool looks_back_of() {
    if constexpr (requires { M::kLooksBack; }) return M::kLooksBack;
    return false;
  }
  static KeyRange within(KeyRange range, std::int64_t keys) {
    const std::int64_t begin = range.begin > 0 ? range.begin : 0;
    const std::int64_t end = range.end < keys ? range.end : keys;
    return begin < end ? KeyRange{begin, end} : KeyRange{};
  }

  template <class M>
  static constexpr Answers kAnswers{
      [](const std::byte* term, const MaskSite& at, std::int64_t query) { return as<M>(term).hull(at, query); },
      [](const std::byte* term, const MaskSite& at, std::int64_t query, std::int64_t key) {
        return as<M>(term).allows(at, query, key);
      },
      [](const std::byte* term, const MaskSite& at, const MaskTile& tile) { return as<M>(term).cover(at, tile); },
      [](const std::byte* term, const MaskSite& at, std::int64_t first, std::int64_t count, KeyRange* out) {
        for (std::int64_t i = 0; i < count; ++i) out[i] = within(as<M>(term).hull(at, first + i), at.keys);
      },
      [](const std::byte* term, const MaskSite& at, std::int64_t first, std::int64_t count, const KeyRange* keys,
         Cover* out) {
        for (std::int64_t i = 0; i < count; ++i) {
          const MaskTile row{first + i, 1, keys[i].begin, keys[i].end - keys[i].begin};
          out[i] = row.keys > 0 ? as<M>(term).cover(at, row) : Cover::all;
        }
      },
      by_head_of<M>(),
      looks_back_of<M>()};

  Mask joined(const Mask& other, Step how) const;
  // The result of the steps: leaf(entry) of a term, join(a, b, how) of two results.
  template <class R, class Leaf, class Join>
  R evaluate(Leaf leaf, Join join) const;

  std::int32_t count_ = 0;  // of steps
  std::int32_t terms_ = 0;
  std::array<Step, 2 * kMostTerms> program_{};
  std::array<Entry, kMostTerms> entries_{};
};

/// A term joined to anything is a mask.
template <MaskTerm A, class B>
requires std::convertible_to<B, Mask> Mask operator&(const A& a, const B& b) { return Mask(a) & Mask(b); }
template <MaskTerm A, class B>
requires std::convertible_to<B, Mask> Mask operator|(const A& a, const B& b) { return Mask(a) | Mask(b); }

}  // namespace tapehead
