#pragma once

#include <sstream>
#include <string>

namespace tapehead {

/// The text of a metrics.csv without its time column, the fifth.
inline std::string metrics_without_times(const std::string& text) {
  std::istringstream in(text);
  std::ostringstream out;
  for (std::string line; std::getline(in, line);) {
    std::istringstream cells(line);
    std::string cell;
    for (int column = 0; std::getline(cells, cell, ','); ++column) {
      if (column != 4) out << cell << ',';
    }
    out << '\n';
  }
  return out.str();
}

}  // namespace tapehead
