#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "autograd/base/batch_view.hpp"
#include "datasets/example.hpp"

namespace tapehead {

/// How the tokens of an example x → y become columns of a batch. At each position the model sees `input` and is to say
/// `expected`.
enum class BatchLayout {
  encoder_decoder,  ///< source: x </s>;   input: <s> y;          expected: y </s>
  language,         ///< no source;        input: <s> y;          expected: y </s>; x is empty
  decoder_only,  ///< no source;        input: <s> x </s> y;   expected: padding (ignored) up to x's </s>, then y </s>
};

/// Some examples as named columns (see BatchView), each padded to its longest. Data write what they have, a model reads
/// what it needs. A target token that does not count (ExampleView::marks) is expected as padding, which no loss counts.
/// Of data that say no end (ExampleShape::ends) y is expected alone, and its last token is no input; where they go on
/// from a token before y, that one stands for <s>. Memory is kept from one batch to the next.
class Batch {
 public:
  explicit Batch(BatchLayout layout = BatchLayout::encoder_decoder) : layout_(layout) {}

  /// Room for so many examples of such lengths; append() and writer() then allocate nothing.
  void reserve(std::int64_t examples, const ExampleShape& longest);
  /// The same for pairs of tokens alone, of such lengths without start and end.
  void reserve(std::int64_t examples, std::int64_t max_source, std::int64_t max_target);

  void clear();
  /// Adds an example. Throws DataError past what was reserved; the batch is then as before.
  void append(const ExampleView& example);
  void append(std::span<const std::int32_t> source, std::span<const std::int32_t> target) {
    append({.source = source, .target = target});
  }
  /// Where an example can be written before it is appended.
  ExampleWriter& writer() { return writer_; }

  BatchView view() const;
  TokenView source() const { return source_.view(); }
  TokenView input() const { return input_.view(); }
  TokenView expected() const { return expected_.view(); }

  std::int64_t examples() const { return examples_; }
  /// Expected tokens that are not padding.
  std::int64_t counted_tokens() const { return counted_; }
  BatchLayout layout() const { return layout_; }

 private:
  // Columns of ids or numbers, `width` a position; column b begins at b · stride · width.
  template <class T>
  struct Columns {
    std::vector<T> values;
    std::vector<std::int32_t> lengths;
    std::int64_t width = 1, stride = 0, examples = 0, longest = 0;

    void reserve(std::int64_t count, std::int64_t length, std::int64_t numbers = 1);
    void clear();
    // A new column of `length`, filled with zeros, which are padding.
    T* add(std::int64_t length);
    TokenView view() const { return {values.data(), lengths.data(), stride, longest, examples}; }
  };

  void require_room(const ExampleView& example) const;
  std::int64_t before_target(const ExampleView& example) const;
  std::int64_t target_positions(const ExampleView& example) const { return std::ssize(example.target) + ends_; }
  void append_tokens(const ExampleView& example);

  BatchLayout layout_;
  ColumnSet has_;
  bool ends_ = true;
  std::string data_;
  std::int64_t room_ = 0, examples_ = 0, counted_ = 0;
  Columns<std::int32_t> source_, input_, expected_, positions_;
  Columns<float> features_;
  std::vector<std::int32_t> labels_;
  ExampleWriter writer_;
};

/// The columns that examples have in a batch laid out so.
ColumnSet columns_of(const ExampleShape& shape, BatchLayout layout);

/// The longest column of tokens that examples of such lengths need, start and end included: what a model's positions
/// must hold.
std::int64_t positions_needed(BatchLayout layout, const ExampleShape& longest);

}  // namespace tapehead
