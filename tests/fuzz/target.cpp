#include "tests/fuzz/target.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace tapehead {
namespace {

// A folder of this process's own, gone when it ends well.
struct Folder {
  Folder() {
    const std::filesystem::path memory = "/dev/shm";
    const auto base = ::access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
    path = base / ("tapehead_fuzz" + std::to_string(::getpid()));
    std::filesystem::create_directories(path);
  }
  ~Folder() {
    std::error_code error;
    std::filesystem::remove_all(path, error);
  }
  std::filesystem::path path;
};

}  // namespace

void require(bool right, const char* what) {
  if (right) return;
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

std::string file_with(const std::string& name, std::string_view content) {
  static const Folder folder;
  std::string path = (folder.path / name).string();
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  return path;
}

std::size_t Choices::below(std::size_t bound) {
  if (bound <= 1) return 0;
  std::size_t number = 0;
  for (std::size_t left = bound - 1; left > 0 && size_ > 0; left >>= 8U, ++data_, --size_)
    number = number << 8U | *data_;
  return number % bound;
}

std::string Choices::text(std::size_t longest) {
  const std::size_t length = std::min(below(longest + 1), size_);
  std::string bytes(reinterpret_cast<const char*>(data_), length);
  data_ += length;
  size_ -= length;
  return bytes;
}

}  // namespace tapehead
