#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace tapehead {

/// The first thing in a text that must not reach a terminal, in hexadecimal; empty if there is none. Told from bytes,
/// so that it does not share a mistake with the program: controls but the line break, ESC among them, C1 controls as
/// UTF-8 writes them, and marks of direction.
inline std::string unseen_in(std::string_view text) {
  const auto named = [&](std::size_t at, std::size_t size) {
    std::string name;
    for (const char c : text.substr(at, size)) {
      char two[3];
      std::snprintf(two, sizeof two, "%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      name += two;
    }
    return name;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = [&](std::size_t k) {
      return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : static_cast<unsigned char>(0);
    };
    if ((byte(0) < 0x20 && byte(0) != '\n') || byte(0) == 0x7f) return named(i, 1);
    if (byte(0) == 0xc2 && byte(1) >= 0x80 && byte(1) <= 0x9f) return named(i, 2);
    if (byte(0) == 0xd8 && byte(1) == 0x9c) return named(i, 2);  // U+061C
    const bool general = byte(0) == 0xe2 && byte(1) == 0x80 &&
                         (byte(2) == 0x8e || byte(2) == 0x8f || (byte(2) >= 0xa8 && byte(2) <= 0xae));
    const bool isolates = byte(0) == 0xe2 && byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xaf;
    if (general || isolates) return named(i, 3);
  }
  return {};
}

}  // namespace tapehead
