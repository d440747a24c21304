#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "autograd/base/tokens.hpp"

namespace tapehead {

/// One example: ids without start, end or padding.
struct SequencePair {
  std::vector<std::int32_t> source, target;
};

/// How an example x → y becomes columns of a batch. At each position the model sees `input` and is to say `expected`.
enum class BatchLayout {
  encoder_decoder,  ///< source: x </s>;   input: <s> y;          expected: y </s>
  language,         ///< no source;        input: <s> y;          expected: y </s>; x is empty
  decoder_only,  ///< no source;        input: <s> x </s> y;   expected: padding (ignored) up to x's </s>, then y </s>
};

/// What a model sees of some examples: one column each, padded to the longest. Memory is kept from one batch to the
/// next.
class Batch {
 public:
  explicit Batch(BatchLayout layout = BatchLayout::encoder_decoder) : layout_(layout) {}

  /// Room for so many examples of such lengths (without start and end); append() then allocates nothing.
  void reserve(std::int64_t examples, std::int64_t max_source, std::int64_t max_target);

  void clear();
  /// Adds an example. Throws DataError past what was reserved.
  void append(std::span<const std::int32_t> source, std::span<const std::int32_t> target);

  TokenView source() const { return source_.view(); }
  TokenView input() const { return input_.view(); }
  TokenView expected() const { return expected_.view(); }
  std::int64_t examples() const { return input_.examples; }
  /// Expected tokens that are not padding.
  std::int64_t counted_tokens() const { return counted_; }
  BatchLayout layout() const { return layout_; }

 private:
  // Columns of ids; column b begins at b · stride.
  struct Columns {
    std::vector<std::int32_t> ids, lengths;
    std::int64_t stride = 0, examples = 0, longest = 0;

    void reserve(std::int64_t count, std::int64_t length);
    void clear();
    // A new column of `length`, filled with padding.
    std::int32_t* add(std::int64_t length);
    TokenView view() const { return {ids.data(), lengths.data(), stride, longest, examples}; }
  };

  BatchLayout layout_;
  Columns source_, input_, expected_;
  std::int64_t counted_ = 0;
};

/// Lengths of the columns that examples of such lengths need, start and end included: what a model's positions must
/// hold.
std::int64_t positions_needed(BatchLayout layout, std::int64_t max_source, std::int64_t max_target);

}  // namespace tapehead
