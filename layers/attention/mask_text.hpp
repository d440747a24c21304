#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/masks/mask.hpp"

namespace tapehead {

/// Whose attention a written mask is made for.
struct MaskSizes {
  std::int64_t examples = 1, queries = 1, keys = 1;
};

/// A mask as people write it: terms joined by `&`, which binds tighter, and `|`, with parentheses where wanted:
///
///     causal & window(4, 0) | prefix(2)
///
/// See mask_terms(). It owns what its terms point to, and must outlive the masks that it makes.
class MaskText {
 public:
  /// Throws ConfigError, naming what it does not understand. An empty text allows everything.
  explicit MaskText(std::string text = {});

  const std::string& text() const { return text_; }
  /// Throws ConfigError for numbers that do not fit these sizes.
  Mask mask(const MaskSizes& sizes);

 private:
  std::string text_;
  std::deque<std::vector<std::int32_t>> numbers_;
};

/// The mask that goes by positions alone, whatever is read: for a model, which calls it its attention mask. Throws
/// ConfigError as MaskText does, for terms that go by examples (lengths, documents, an end), and for more of them than
/// fit beside a family's own.
Mask mask_of_positions(const std::string& text);

/// A term as people write it.
struct MaskTermText {
  std::string_view name;
  std::string_view arguments;  ///< "left, right"; empty: none
  std::string_view help;       ///< what a query may attend
};

/// Every term that can be written.
std::vector<MaskTermText> mask_terms();

}  // namespace tapehead
