#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "autograd/base/batch_view.hpp"
#include "autograd/base/tokens.hpp"
#include "autograd/forward.hpp"

namespace tapehead {

/// What is read before anything is written, one text a column: ids without padding; of a question, without start and
/// end too.
class Sources : public std::span<const std::vector<std::int32_t>> {
 public:
  using span::span;
  /// What is written answers the text, which has an end.
  Sources(span texts) : span(texts) {}  // NOLINT(google-explicit-constructor)
  /// What is written goes on where the text stops, which holds a token at least: for a model of text without sources.
  static Sources beginnings(span texts) {
    Sources sources(texts);
    sources.go_on_ = true;
    return sources;
  }

  /// What is written answers features too, one example a text: for a model that reads them.
  static Sources of_features(span texts, const FeatureView& features) {
    Sources sources(texts);
    sources.features_ = features;
    return sources;
  }

  bool go_on() const { return go_on_; }
  /// nullptr: there are none.
  const FeatureView* features() const { return features_ ? &*features_ : nullptr; }
  /// The texts first to first + count.
  Sources part(std::size_t first, std::size_t count) const {
    Sources some(subspan(first, count));
    some.go_on_ = go_on_;
    const auto begin = static_cast<std::int64_t>(first);
    if (features_) some.features_ = features_->slice(begin, begin + static_cast<std::int64_t>(count));
    return some;
  }

 private:
  bool go_on_ = false;
  std::optional<FeatureView> features_;
};

/// Columns of tokens with memory of their own.
class TokenColumns {
 public:
  TokenColumns() = default;
  explicit TokenColumns(const std::vector<std::vector<std::int32_t>>& columns);

  TokenView view() const;
  /// Column i becomes what column from[i] is now.
  void reorder(std::span<const std::int32_t> from);

 private:
  std::vector<std::int32_t> ids_, lengths_;
  std::int64_t stride_ = 0;
};

/// What a model remembers while it writes, one token after another, in several columns at once: it owns its memory, and
/// what searches for a text (trainers/decoding) need not know which family of models it is.
///
/// It begins with the sources read; logits() are then those of each column's first token. step() writes one token into
/// each, and logits() are those of the next. Equal, up to rounding, to reading everything anew each time.
template <RealScalar T>
class DecodingState {
 public:
  virtual ~DecodingState() = default;

  virtual std::int64_t columns() const = 0;
  virtual std::int64_t vocabulary() const = 0;
  /// (V, B) of the token that comes next.
  virtual const T* logits() const = 0;
  /// Tokens that may still be written in a column before the model's positions are used up; the logits of a column
  /// without room mean nothing.
  virtual std::int64_t room(std::int64_t column) const = 0;

  /// Writes a token into each column; kPadding: none, the column rests and its logits stay. REQUIRES: one a column, and
  /// room for one more behind it.
  virtual void step(std::span<const std::int32_t> tokens) = 0;

  /// Column i becomes a copy of what column from[i] is now. There may be fewer columns afterwards, or more.
  virtual void reorder(std::span<const std::int32_t> from) = 0;
};

}  // namespace tapehead
