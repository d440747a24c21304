#pragma once

#include <string>
#include <string_view>

namespace tapehead {

/// Whether the text is well-formed UTF-8.
bool is_utf8(std::string_view text);

/// Whether every byte is below 128.
bool is_ascii(std::string_view text);

/// Whether the text is in Unicode's composed form (NFC, Unicode Standard Annex 15), in which an é is one character
/// however it was typed. REQUIRES: is_utf8(text).
bool is_nfc(std::string_view text);

/// The text in that form, so that equal words are equal bytes. REQUIRES: is_utf8(text).
std::string to_nfc(std::string_view text);

/// Whether a character cannot be seen but acts where it is shown: the controls of both blocks (ESC, U+009B), which move
/// the cursor and colour, and the marks that turn the direction of writing round.
bool acts_unseen(char32_t c);

/// Text of unknown origin (words, names of files, what a checkpoint says, messages of libraries), fit to be shown as
/// part of a line on a terminal: white space becomes a space, what acts unseen is spelled out, `\x1b` or `\u202e`, and
/// bytes that are no UTF-8 become `�`.
std::string printable(std::string_view text);

}  // namespace tapehead
