#include "autograd/base/text.hpp"

#include <fmt/format.h>
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <utf8.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>

namespace tapehead {
namespace {

const icu::Normalizer2& composer() {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* found = icu::Normalizer2::getNFCInstance(status);
  if (U_FAILURE(status) != 0) throw std::runtime_error("ICU has no data for the composed form of text (NFC)");
  return *found;
}

icu::StringPiece piece_of(std::string_view text) { return {text.data(), static_cast<std::int32_t>(text.size())}; }

// Below U+0300, where the combining marks begin, nothing can be composed; 0xCC is the first byte of U+0300.
bool is_surely_composed(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0xCC; });
}

bool is_plain(char c) { return c >= ' ' && c <= '~'; }

bool is_white(char32_t c) { return (c >= U'\t' && c <= U'\r') || c == 0x85 || c == 0x2028 || c == 0x2029; }

}  // namespace

// Unicode's Cc and Bidi_Control, the separators of lines, and the deprecated controls behind the marks of direction.
bool acts_unseen(char32_t c) {
  return c < U' ' || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x206f);
}

bool is_utf8(std::string_view text) { return is_ascii(text) || utf8::is_valid(text.begin(), text.end()); }

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_nfc(std::string_view text) {
  if (is_surely_composed(text)) return true;
  UErrorCode status = U_ZERO_ERROR;
  return composer().isNormalizedUTF8(piece_of(text), status) != 0 && U_SUCCESS(status) != 0;
}

std::string to_nfc(std::string_view text) {
  if (is_nfc(text)) return std::string(text);
  UErrorCode status = U_ZERO_ERROR;
  std::string composed;
  icu::StringByteSink<std::string> sink(&composed);
  composer().normalizeUTF8(0, piece_of(text), sink, nullptr, status);
  if (U_FAILURE(status) != 0) throw std::runtime_error("ICU cannot bring a text into its composed form (NFC)");
  return composed;
}

std::string printable(std::string_view text) {
  if (std::ranges::all_of(text, is_plain)) return std::string(text);
  std::string valid;
  utf8::replace_invalid(text.begin(), text.end(), std::back_inserter(valid));
  std::string shown;
  for (auto at = valid.cbegin(); at != valid.cend();) {
    const auto begin = at;
    const auto c = static_cast<char32_t>(utf8::next(at, valid.cend()));
    if (is_white(c)) {
      shown += ' ';
    } else if (acts_unseen(c)) {
      const auto number = static_cast<std::uint32_t>(c);
      shown += number < 0x100 ? fmt::format("\\x{:02x}", number) : fmt::format("\\u{:04x}", number);
    } else {
      shown.append(begin, at);
    }
  }
  return shown;
}

}  // namespace tapehead
