#pragma once

// What the fuzz targets have in common. Each target is a source file that defines
//
//     extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
//
// and aborts, by an exception of another kind than tapehead::Error or by require(), on what must not happen. Built with
// clang it is a libFuzzer program (`make fuzz`); ctest runs it under driver.cpp, with inputs of the project's own
// making.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/base/errors.hpp"

namespace tapehead {

/// Inputs to begin with, which each target defines: small, and near what is right.
std::vector<std::string> fuzz_seeds();

/// Aborts with a line that says what was wrong.
void require(bool right, const char* what);

/// Calls f; false if it threw an Error, whose text must not be empty.
template <class F>
bool succeeds(const F& f) {
  try {
    f();
    return true;
  } catch (const Error& error) {
    require(error.what()[0] != '\0', "an error says nothing");
    return false;
  }
}

/// Writes a file of this process's own, in memory where there is such a place, and returns its path. The same path each
/// time for the same name.
std::string file_with(const std::string& name, std::string_view content);

/// Bytes as choices.
class Choices {
 public:
  Choices(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  /// A number below `bound`; 0 once the bytes are used up.
  std::size_t below(std::size_t bound);
  /// True once in `times`, by choice; never once the bytes are used up.
  bool once_in(std::size_t times) { return times > 0 && below(times) == times - 1; }
  /// Up to `longest` bytes.
  std::string text(std::size_t longest);

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

}  // namespace tapehead
