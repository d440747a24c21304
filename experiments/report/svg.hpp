#pragma once

#include <string>

namespace tapehead {

// What the pictures of this project share: text of 12 px on white, and nothing of elsewhere.
inline constexpr double kSvgLetter = 7;   ///< width of a character, about
inline constexpr double kSvgLine = 18;    ///< from one line of text to the next
inline constexpr double kSvgMargin = 12;  ///< around everything

/// Text as it may stand in an SVG element or attribute.
std::string svg_escaped(const std::string& text);

/// A line of text whose baseline begins at (x, y); `attributes`, begun with a space, as they stand in the element.
std::string svg_text(double x, double y, const std::string& text, const std::string& attributes = {});

/// The whole picture.
std::string svg_page(double width, double height, const std::string& body);

}  // namespace tapehead
