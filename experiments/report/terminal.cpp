#include "experiments/report/terminal.hpp"

#include <sys/ioctl.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

namespace tapehead {
namespace {

constexpr std::size_t kUsual = 80;
constexpr std::size_t kNarrowest = 20;  // less is no terminal that one could read anything on

}  // namespace

std::size_t terminal_width(int descriptor) {
  if (const char* columns = std::getenv("COLUMNS"); columns != nullptr) {
    std::size_t width = 0;
    const char* last = columns + std::strlen(columns);
    const auto [end, error] = std::from_chars(columns, last, width);
    if (error == std::errc() && end == last && width >= kNarrowest) return width;
  }
  winsize size{};
  const bool known = ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col >= kNarrowest;
  return known ? size.ws_col : kUsual;
}

}  // namespace tapehead
