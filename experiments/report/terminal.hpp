#pragma once

#include <cstddef>

namespace tapehead {

/// Characters that fit into a line of the terminal behind a file descriptor: what COLUMNS says, else what the terminal
/// says, else 80.
std::size_t terminal_width(int descriptor);

}  // namespace tapehead
