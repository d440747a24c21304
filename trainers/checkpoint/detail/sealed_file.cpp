#include "trainers/checkpoint/detail/sealed_file.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "autograd/base/errors.hpp"
#include "autograd/base/output_file.hpp"
#include "trainers/checkpoint/detail/hdf5_image.hpp"

namespace tapehead {
namespace {

constexpr std::size_t kSealSize = Hdf5Image::kUserBlock;
constexpr std::string_view kMagic = "tapehead checkpoint\n";
using Seal = std::array<std::byte, kSealSize>;

Seal seal_of(std::span<const std::byte> content) {
  const XXH128_hash_t digest = XXH3_128bits(content.data(), content.size());
  const std::string text = fmt::format("{}xxh3-128 {:016x}{:016x}\n", kMagic, digest.high64, digest.low64);
  Seal seal{};
  std::memcpy(seal.data(), text.data(), text.size());
  return seal;
}

}  // namespace

void write_sealed(const std::string& path, std::span<const std::byte> content) {
  try {
    OutputFile file(path);
    file.write(seal_of(content));
    file.write(content);
    file.commit();
  } catch (const FileError& error) {
    throw CheckpointError(fmt::format(
        "checkpoint: {}; what was saved before is untouched: make room or mend the folder, then resume", error.what()));
  }
}

std::vector<std::byte> read_sealed(const std::string& path) {
  try {
    InputFile file(path);
    // The first bytes decide: whatever else it is, it may be large.
    Seal seal{};
    const std::size_t size = file.read_whole(seal);
    if (size == 0) throw CheckpointError(fmt::format("checkpoint: {} is empty; take a copy, or train anew", path));
    if (size < seal.size() || std::memcmp(seal.data(), kMagic.data(), kMagic.size()) != 0) {
      throw CheckpointError(fmt::format(
          "checkpoint: {} is not a tapehead checkpoint; name the folder of a run, or checkpoint.h5 in it", path));
    }
    std::vector<std::byte> content(std::max(static_cast<std::size_t>(file.size()), seal.size()) - seal.size());
    content.resize(file.read_whole(content));
    if (seal_of(content) == seal) return content;
  } catch (const FileError& error) {
    throw CheckpointError(fmt::format("checkpoint: {}", error.what()));
  }
  throw CheckpointError(
      fmt::format("checkpoint: {} is damaged: its content does not match its digest; take a copy", path));
}

}  // namespace tapehead
